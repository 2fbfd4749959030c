# Starts a program of an image's packages in a root, as root there, without what reaches beyond it: no network, none of the
# privileges that mount, make devices, leave a chroot, look into processes outside, or set up the machine. What is left
# is what packages expect of a container. Arguments: the root, the program, its arguments.
use strict;
use warnings;
use POSIX ();

my ($root, @program) = @ARGV;
my $machine = (POSIX::uname())[4];
# System calls; flags and capabilities by their numbers in linux/sched.h, linux/prctl.h and linux/capability.h.
my %numbers = (x86_64 => [272, 157], aarch64 => [97, 167]);
my ($SYS_unshare, $SYS_prctl) = @{ $numbers{$machine} // die "no numbers of system calls for $machine\n" };
my ($CLONE_NEWNET, $PR_CAPBSET_DROP, $EINVAL) = (0x40000000, 24, 22);
# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, audit_write, setfcap
my %kept = map { $_ => 1 } 0, 1, 3, 4, 5, 6, 7, 8, 10, 29, 31;

syscall($SYS_unshare, $CLONE_NEWNET) == 0 or die "network namespace: $!\n";
chroot $root or die "$root: $!\n";
chdir '/' or die "$root: $!\n";
for my $capability (0 .. 63) {
    next if $kept{$capability} || syscall($SYS_prctl, $PR_CAPBSET_DROP, $capability, 0, 0, 0) == 0;
    # Higher than what this kernel knows.
    last if $! == $EINVAL;
    die "capability $capability: $!\n";
}
exec { $program[0] } @program or die "$program[0]: $!\n";
