/**
 * The program that a commit worker runs in the toolbox: `perl -e` of it. Starting a command in a container costs 40 ms
 * and does not run in parallel, so one process starts all the others. perl-base is essential in Debian: it is there.
 *
 * stdin: frames of a kind, a stream's number and a length (both 32 bits, big-endian), then as many bytes:
 *   B  begin: the argv to start, separated by NUL    D  data for its stdin
 *   E  end: the data is whole                        X  drop: kill it
 * stdout: one line for each stream, `NUMBER EXITCODE PRINTED`: the last 4000 bytes of the command's stdout and stderr
 * together, in hexadecimal. A command that ends early is reported at once; what still comes for it is thrown away.
 *
 * A tar that breaks off between two members looks whole to libarchive, which would then commit half a deb. So the last
 * byte is always held back: whoever dies, the command never sees a clean end before E has come. The command is started
 * with its first bytes already in the pipe, since no bytes at all would look like an empty tar.
 */
export const workerScript = String.raw`
use strict; use warnings;
$SIG{PIPE} = 'IGNORE';
my %child;

sub take {
  my ($length) = @_;
  my $bytes = '';
  while (length $bytes < $length) {
    my $got = sysread STDIN, $bytes, $length - length $bytes, length $bytes;
    gone() unless $got;
  }
  return $bytes;
}

sub put {
  my ($handle, $bytes) = @_;
  for (my $at = 0; $at < length $bytes;) {
    my $wrote = syswrite $handle, $bytes, length($bytes) - $at, $at;
    return 0 unless defined $wrote;
    $at += $wrote;
  }
  return 1;
}

sub gone {
  kill 'KILL', map { $_->{pid} // () } values %child;
  1 while wait != -1;
  exit 0;
}

sub start {
  my ($child, $bytes) = @_;
  pipe my $input, $child->{stdin} or die "pipe: $!";
  pipe $child->{output}, my $output or die "pipe: $!";
  my $first = substr $bytes, 0, 512, '';
  put($child->{stdin}, $first);
  defined($child->{pid} = fork) or die "fork: $!";
  if (!$child->{pid}) {
    $SIG{PIPE} = 'DEFAULT';
    open STDIN, '<&', $input; open STDOUT, '>&', $output; open STDERR, '>&', $output;
    { no warnings; exec { $child->{argv}[0] } @{ $child->{argv} }; }
    print STDERR "cannot start $child->{argv}[0]: $!\n";
    require POSIX; POSIX::_exit(127);
  }
  return $bytes;
}

sub feed {
  my ($number, $bytes) = @_;
  my $child = $child{$number} or return;
  my $all = $child->{held} . $bytes;
  $child->{held} = substr $all, -1, 1, '';
  $all = start($child, $all) unless $child->{pid} || $all eq '';
  finish($number) unless put($child->{stdin}, $all);
}

sub finish {
  my ($number) = @_;
  my $child = delete $child{$number} or return;
  close $child->{stdin} if $child->{stdin};
  my $said = '';
  if ($child->{pid}) {
    1 while sysread $child->{output}, $said, 65536, length $said;
    waitpid $child->{pid}, 0;
  }
  my $code = $child->{pid} ? ($? & 127 ? 128 + ($? & 127) : $? >> 8) : 1;
  $said = substr $said, -4000 if length $said > 4000;
  put(\*STDOUT, "$number $code " . unpack('H*', $said) . "\n");
}

while (1) {
  my ($kind, $number, $length) = unpack 'aNN', take(9);
  my $bytes = take($length);
  if ($kind eq 'B') { $child{$number} = { argv => [split /\0/, $bytes], held => '' } }
  elsif ($kind eq 'D') { feed($number, $bytes) }
  elsif ($kind eq 'E') {
    my $child = $child{$number} or next;
    $child->{pid} ? put($child->{stdin}, $child->{held}) : start($child, $child->{held});
    finish($number);
  }
  elsif ($kind eq 'X') {
    kill 'KILL', $child{$number}{pid} if $child{$number} && $child{$number}{pid};
    finish($number);
  }
}
`;
