# Makes a user namespace in which every id is its own, with a binfmt_misc of its own (Linux 6.7), and leaves a process behind
# that holds it; prints that process's number as /proc has it. Programs of the architecture run in qemu there.
# Arguments: qemu; magic and mask of the architecture.
use strict;
use warnings;

my ($qemu, $magic) = @ARGV;
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
    open my $file, '>', "$table/register" or die "binfmt_misc: $!\n";
    my $entry = ":foreign:M::$magic:$qemu:PF";
    syswrite $file, $entry or die "binfmt_misc refuses $entry: $!\n";
    close $file;
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
