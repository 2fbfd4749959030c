# Moves what is needed of unpacked native tools, relocates it, and lists the programs: those of the directories that scripts
# look in, and helpers that they start by their path. Runs in the directory of the unpacked tree.
# Arguments: directory of the result; path of the result where it will be run;
# relocations ("hex of what is replaced" "hex of its replacement", a line each, the interpreter's last; see
# src/emulation/layout.ts); names of programs that stay emulated; names of those that have the name of their architecture
# built in; a relocation for these.
use strict;
use warnings;
use File::Basename;
use File::Find;
use File::Path 'make_path';

my ($out, $native, $relocations, $emulated, $named, $renaming) = @ARGV;
my @relocations = relocations_in($relocations);
my @renamings = relocations_in($renaming);
my $interpreter = $relocations[-1][0];
my %emulated = map { $_ => 1 } split ' ', $emulated;
my %named = map { $_ => 1 } split ' ', $named;

move_libraries(grep { -d } glob 'usr/lib/*-linux-gnu');
link_loader();
my @programs = move_programs(grep { -d } map { "usr/$_" } qw(bin sbin lib/systemd lib/udev lib/dracut));
put("$out/programs", join('', map { "/$_\n" } sort @programs), 0644);

sub relocations_in {
    return map { [map { pack 'H*', $_ } split] } split /\n/, $_[0];
}

sub move_libraries {
    my ($multiarch) = @_ or return;
    my $move = sub {
        my $target = "$out/lib/" . substr $_, length($multiarch) + 1;
        if (-l $_) {
            make_path(dirname $target);
            symlink readlink($_), $target or die "$target: $!\n";
        } elsif (-f _) {
            my $mode = (stat _)[2] & 0755;
            put($target, relocated(content($_), @relocations), $mode);
        }
    };
    find({ no_chdir => 1, wanted => $move }, $multiarch);
}

sub link_loader {
    my ($loader) = map { basename $_ } glob "$out/lib/ld-linux*.so.*";
    die "the C library brought no loader\n" unless defined $loader;
    symlink "lib/$loader", "$out/ld.so" or die "$out/ld.so: $!\n";
}

sub move_programs {
    my @places = @_ or return;
    my @moved;
    my $move = sub {
        return if -l $_ || !-f _ || !-x _ || $emulated{ basename $_ };
        my $bytes = content($_);
        return unless index($bytes, $interpreter) >= 0;
        my @all = (@relocations, $named{ basename $_ } ? @renamings : ());
        put("$out/$_", relocated($bytes, @all), 0755);
        make_path(dirname "$out/dispatch$native/$_");
        symlink "$native/dispatcher", "$out/dispatch$native/$_" or die "$_: $!\n";
        push @moved, $_;
    };
    find({ no_chdir => 1, wanted => $move }, @places);
    return @moved;
}

sub relocated {
    my ($bytes, @pairs) = @_;
    for (@pairs) {
        my ($from, $to) = @$_;
        die "a replacement is of another length\n" if length $from != length $to;
        my $at = -1;
        substr($bytes, $at, length $from) = $to while ($at = index $bytes, $from, $at + 1) >= 0;
    }
    return $bytes;
}

sub content {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar(<$file>) // '';
}

sub put {
    my ($path, $bytes, $mode) = @_;
    make_path(dirname $path);
    open my $file, '>:raw', $path or die "$path: $!\n";
    print $file $bytes;
    close $file or die "$path: $!\n";
    chmod $mode, $path or die "$path: $!\n";
}
