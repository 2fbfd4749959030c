# Records which files of a mount are opened, executed ones among them (fanotify(7)). Prints a line once it watches; when its
# standard input ends, writes the paths, relative to the mount, each once, in order, with NUL after each. Arguments: where the
# mount is, the file to write; optionally the directory of dpkg's database: the command lines of those who open its status
# file, in hexadecimal digits, are then written to the file's name with `.queries` behind it, one a line. Where the kernel does
# not let it watch it says so and ends.
use strict;
use warnings;
use Fcntl;
use POSIX ();

my ($mount, $target, $database) = @ARGV;

# Numbers of fanotify_init and fanotify_mark by the machine.
my ($init, $mark) = @{ { x86_64 => [300, 301], aarch64 => [262, 263] }->{ (POSIX::uname())[4] } // impossible() };
my ($FAN_CLOEXEC, $FAN_NONBLOCK, $FAN_UNLIMITED_QUEUE) = (0x1, 0x2, 0x10);
my ($FAN_MARK_ADD, $FAN_MARK_MOUNT, $FAN_OPEN, $FAN_Q_OVERFLOW) = (0x1, 0x10, 0x20, 0x4000);
my ($FAN_CLASS_CONTENT, $FAN_OPEN_PERM, $FAN_EVENT_ON_CHILD, $FAN_ALLOW) = (0x4, 0x10000, 0x8000000, 1);
my ($AT_FDCWD, $O_CLOEXEC) = (-100, 0x80000);

my $events = syscall $init, $FAN_CLOEXEC | $FAN_NONBLOCK | $FAN_UNLIMITED_QUEUE, O_RDONLY | $O_CLOEXEC;
impossible() if $events < 0;
impossible() if syscall($mark, $events, $FAN_MARK_ADD | $FAN_MARK_MOUNT, $FAN_OPEN, $AT_FDCWD, $mount) < 0;
my @queries = defined $database ? watch_queries() : ();
$| = 1;
print "watching\n";

my (%opened, %asked);
while (1) {
    my $ready = '';
    vec($ready, $_, 1) = 1 for 0, $events, @queries;
    select $ready, undef, undef, undef;
    answer_queries() if @queries;
    take_events();
    last if vec $ready, 0, 1;
}
put("$target.queries", map { unpack('H*', $_) . "\n" } sort keys %asked) if @queries;
put($target, map { "$_\0" } sort keys %opened);

sub put {
    my ($path, @text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file @text;
    close $file or die "$path: $!\n";
}

# A query may end before it is looked at, so it has to wait for leave.
sub watch_queries {
    my $group = syscall $init, $FAN_CLOEXEC | $FAN_NONBLOCK | $FAN_CLASS_CONTENT, O_RDONLY | $O_CLOEXEC;
    impossible() if $group < 0;
    my $what = $FAN_OPEN_PERM | $FAN_EVENT_ON_CHILD;
    impossible() if syscall($mark, $group, $FAN_MARK_ADD, $what, $AT_FDCWD, $database) < 0;
    return $group;
}

sub answer_queries {
    my ($group) = @queries;
    while (POSIX::read($group, my $buffer, 1 << 16)) {
        while (length $buffer >= 24) {
            my ($length, undef, undef, undef, undef, $file, $process) = unpack 'L C C S Q l l', $buffer;
            $buffer = substr $buffer, $length;
            note_query($process) if (readlink("/proc/self/fd/$file") // '') =~ m{/status$};
            POSIX::write($group, pack('l L', $file, $FAN_ALLOW), 8);
            POSIX::close($file);
        }
    }
}

# Of programs that run inside the mount; empty for one that is not to be told.
sub note_query {
    my ($process) = @_;
    return if (readlink("/proc/$process/root") // $mount) ne $mount;
    my $line = '';
    if (open my $file, '<', "/proc/$process/cmdline") {
        local $/;
        $line = <$file> // '';
    }
    $asked{$line} = 1;
}

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
            next if !defined $path || $path !~ s{^\Q$mount\E/}{};
            $opened{$path} = 1;
            # What another file has taken the place of by now.
            $opened{$path} = 1 if $path =~ s{ \(deleted\)$}{};
        }
    }
}
