# Makes a user namespace in which every id is its own, with a binfmt_misc of its own (Linux 6.7), and leaves a process behind
# that holds it; prints that process's number as /proc has it. Programs of the architecture run in qemu there; those
# with a native twin run that. The kernel tells programs apart by the first 128 bytes of their files, where the entry
# point and the sizes of their parts stand; a twin of which another program begins with the same bytes stays emulated.
# Arguments: the root; the directory of native tools, or nothing; where the root shows it, and where their dispatchers;
# qemu; magic and mask of the architecture.
use strict;
use warnings;
use File::Find;

my ($root, $tools, $native, $dispatch, $qemu, $magic) = @ARGV;
my $table = '/proc/sys/fs/binfmt_misc';
# System calls and flags of x86-64.
my ($SYS_mount, $SYS_unshare, $CLONE_NEWUSER, $CLONE_NEWNS) = (165, 272, 0x10000000, 0x00020000);

sub must { my ($result, $what) = @_; die "$what: $!\n" if !defined $result || $result < 0; return $result }

pipe(my $from_holder, my $to_parent) or die "pipe: $!\n";
pipe(my $from_parent, my $to_holder) or die "pipe: $!\n";
my $pid = must(fork(), 'fork');
if (!$pid) {
    close $_ for $from_holder, $to_holder;
    hold();
}
close $_ for $to_parent, $from_parent;
my $holder = <$from_holder> // exit 1;
chomp $holder;
write_map($_) for 'uid_map', 'gid_map';
syswrite $to_holder, "mapped\n";
my $done = <$from_holder> // exit 1;
print "$holder\n";

sub hold {
    must(syscall($SYS_unshare, $CLONE_NEWUSER), 'user namespace');
    syswrite $to_parent, readlink('/proc/self') . "\n";
    <$from_parent> // exit 1;
    must(syscall($SYS_unshare, $CLONE_NEWNS), 'mount namespace');
    # syscall takes no constant for a string.
    my $type = 'binfmt_misc';
    must(syscall($SYS_mount, $type, $table, $type, 0, 0), $type);
    # The newest entry is asked first: what is for all others is registered before.
    register(":foreign:M::$magic:$qemu:PF");
    register_natives() if $tools ne '';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    syswrite $to_parent, "done\n";
    close $to_parent;
    sleep while 1;
}

# Whoever makes a user namespace may map only himself in it; the maps are written from outside.
sub write_map {
    my ($map) = @_;
    open my $own, '<', "/proc/self/$map" or die "$map: $!\n";
    my $identity = join '', map { my ($inside, undef, $count) = split; "$inside $inside $count\n" } <$own>;
    open my $file, '>', "/proc/$holder/$map" or die "$map: $!\n";
    syswrite $file, $identity or die "$map: $!\n";
}

sub register {
    my ($entry) = @_;
    open my $file, '>', "$table/register" or die "binfmt_misc: $!\n";
    syswrite $file, $entry or die "binfmt_misc refuses $entry: $!\n";
}

sub register_natives {
    my $heads = heads();
    open my $list, '<', "$tools/programs" or die "$tools/programs: $!\n";
    my $number = 0;
    while (my $program = <$list>) {
        chomp $program;
        next if -l "$root$program" || !-f _;
        my $head = head("$root$program");
        next if length $head != 128 || !same_content(@{ $heads->{$head} // [] });
        my $escaped = join '', map { sprintf '\x%02x', ord } split //, $head;
        $number++;
        register(":native$number:M::$escaped:" . ":$dispatch$native$program:P");
    }
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
