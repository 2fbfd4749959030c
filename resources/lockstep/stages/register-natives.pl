# Registers the native builds of a root's programs in the binfmt_misc of the namespace that it runs in, where they run in the
# place of those; to be run again when programs have come. The kernel tells programs apart by the first 128 bytes of their
# files, where the entry point and the sizes of their parts stand; a twin of which another program begins with the same
# bytes stays emulated. Arguments: the root; the directory of native tools; where the root shows it, and where their
# dispatchers.
use strict;
use warnings;
use File::Find;

my ($root, $tools, $native, $dispatch) = @ARGV;
my $table = '/proc/sys/fs/binfmt_misc';

my $heads = heads();
open my $list, '<', "$tools/programs" or die "$tools/programs: $!\n";
while (my $program = <$list>) {
    chomp $program;
    next if -l "$root$program" || !-f _;
    my $head = head("$root$program");
    next if length $head != 128;
    (my $entry = $program) =~ tr{/}{!};
    my $tells = same_content(@{ $heads->{$head} // [] });
    if (-e "$table/$entry") {
        put("$table/$entry", '-1') if !$tells;
    }
    elsif ($tells) {
        my $escaped = join '', map { sprintf '\x%02x', ord } split //, $head;
        put("$table/register", ":$entry:M::$escaped:" . ":$dispatch$native$program:P");
    }
}

sub put {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    syswrite $file, $text or die "binfmt_misc refuses $text: $!\n";
}

# The paths of the root's programs by their first 128 bytes.
sub heads {
    my %heads;
    my $note = sub {
        return if -l $_ || !-f _ || !-x _;
        my $head = head($_);
        push @{ $heads{$head} }, $_ if length $head == 128 && $head =~ /^\x7fELF/;
    };
    my @places = grep { -d } map { "$root/usr/$_" } qw(bin sbin libexec lib/systemd lib/udev lib/dracut);
    find({ no_chdir => 1, wanted => $note }, @places) if @places;
    return \%heads;
}

# A program may be there under two names.
sub same_content {
    my ($first, @others) = @_;
    for my $other (@others) {
        return 0 if -s $other != -s $first || content($other) ne content($first);
    }
    return 1;
}

sub content {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return scalar <$file>;
}

sub head {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    read $file, my $bytes, 128;
    return $bytes // '';
}
