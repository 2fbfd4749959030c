# Records which files of a mount are opened, executed ones among them (fanotify(7)). Prints a line once it watches; when its
# standard input ends, writes the paths, relative to the mount, each once, in order, with NUL after each. Arguments: where the
# mount is, the file to write. Where the kernel does not let it watch it says so and ends.
use strict;
use warnings;
use Fcntl;
use POSIX ();

my ($mount, $target) = @ARGV;

# Numbers of fanotify_init and fanotify_mark by the machine.
my ($init, $mark) = @{ { x86_64 => [300, 301], aarch64 => [262, 263] }->{ (POSIX::uname())[4] } // impossible() };
my ($FAN_CLOEXEC, $FAN_NONBLOCK, $FAN_UNLIMITED_QUEUE) = (0x1, 0x2, 0x10);
my ($FAN_MARK_ADD, $FAN_MARK_MOUNT, $FAN_OPEN, $FAN_Q_OVERFLOW) = (0x1, 0x10, 0x20, 0x4000);
my ($AT_FDCWD, $O_CLOEXEC) = (-100, 0x80000);

my $events = syscall $init, $FAN_CLOEXEC | $FAN_NONBLOCK | $FAN_UNLIMITED_QUEUE, O_RDONLY | $O_CLOEXEC;
impossible() if $events < 0;
impossible() if syscall($mark, $events, $FAN_MARK_ADD | $FAN_MARK_MOUNT, $FAN_OPEN, $AT_FDCWD, $mount) < 0;
$| = 1;
print "watching\n";

my %opened;
while (1) {
    my $ready = '';
    vec($ready, $_, 1) = 1 for 0, $events;
    select $ready, undef, undef, undef;
    take_events();
    last if vec $ready, 0, 1;
}
open my $file, '>', $target or die "$target: $!\n";
print $file map { "$_\0" } sort keys %opened;
close $file or die "$target: $!\n";

sub impossible {
    print "impossible\n";
    exit 0;
}

# struct fanotify_event_metadata: length of the event, version, length of this struct, mask, file, process.
sub take_events {
    while (POSIX::read($events, my $buffer, 1 << 16)) {
        while (length $buffer >= 24) {
            my ($length, undef, undef, undef, $mask, $file) = unpack 'L C C S Q l', $buffer;
            $buffer = substr $buffer, $length;
            die "events were lost\n" if $mask & $FAN_Q_OVERFLOW;
            my $path = readlink "/proc/self/fd/$file";
            POSIX::close($file);
            $opened{$path} = 1 if defined $path && $path =~ s{^\Q$mount\E/}{};
        }
    }
}
