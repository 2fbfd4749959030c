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
# A program that lacks a library here would fail where its emulated one works: it stays emulated.
put("$out/programs", join('', map { "/$_\n" } grep { is_complete("$out/$_") } sort @programs), 0644);

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

# Whether all libraries that a program or library is linked with are in the places where the loader will look.
sub is_complete {
    my ($path) = @_;
    our %known;
    return $known{$path} if exists $known{$path};
    # Libraries may be linked with each other.
    $known{$path} = 1;
    my ($needed, @places) = linked_with(content($path));
    for my $name (@$needed) {
        my ($found) = grep { -e } map { "$_/$name" } @places, "$out/lib";
        return $known{$path} = 0 if !defined $found || !is_complete($found);
    }
    return 1;
}

# Names of the libraries that an ELF file is linked with, and the directories that it has for them, as they are before they
# are mounted (System V ABI, chapter 5; 64 bits, little-endian).
sub linked_with {
    my ($bytes) = @_;
    return [] if substr($bytes, 0, 6) ne "\x7fELF\2\1";
    my ($at, $size, $count) = (unpack('x32 Q<', $bytes), unpack 'x54 S< S<', $bytes);
    my @segments = map { [unpack 'L< x4 Q< Q< x8 Q<', substr $bytes, $at + $_ * $size, $size] } 0 .. $count - 1;
    my ($dynamic) = grep { $_->[0] == 2 } @segments or return [];
    my (@names, @places, $strings);
    for (my $entry = $dynamic->[1]; $entry < $dynamic->[1] + $dynamic->[3]; $entry += 16) {
        my ($tag, $value) = unpack 'Q< Q<', substr $bytes, $entry, 16;
        last if $tag == 0;
        push @names, $value if $tag == 1;
        push @places, $value if $tag == 15 || $tag == 29;
        $strings = $value if $tag == 5;
    }
    for (grep { $_->[0] == 1 } @segments) {
        my (undef, $offset, $address, $length) = @$_;
        $strings += $offset - $address, last if $strings >= $address && $strings < $address + $length;
    }
    my $text = sub { unpack 'Z*', substr $bytes, $strings + $_[0] };
    my @directories = grep { s{^\Q$native\E/}{$out/} } map { split /:/, $text->($_) } @places;
    return [map { $text->($_) } @names], @directories;
}
