/**
 * The program that reads content objects of a bare repository where only the toolbox is root: `perl -e` of it, with the repository.
 *
 * stdin: one checksum a line, behind a `?` when a file's content is not wanted. stdout, for each in its order: a frame of 28 bytes, then a
 * block of extended attributes, then the content, if it is wanted.
 *   state (32 bits, big-endian): 0 none such, 1 a file, 2 a symbolic link (its target for content)
 *   uid, gid, mode, length of the block (32 bits each), size of the content (64 bits)
 * The block: length (32 bits) and bytes, of name and value in turn. The end of stdin ends the program; so does any failure.
 */
export const contentReaderScript = String.raw`
use strict; use warnings; use Fcntl ();
my ($repo) = @ARGV;
require POSIX;
my $machine = (POSIX::uname())[4];
my %list = (x86_64 => 195, aarch64 => 12, armv7l => 233);
my %get = (x86_64 => 192, aarch64 => 9, armv7l => 230);

sub put {
  my $at = 0;
  while ($at < length $_[0]) {
    my $wrote = syswrite STDOUT, $_[0], 262144, $at;
    exit 0 unless defined $wrote;
    $at += $wrote;
  }
}

sub xattrs {
  my ($path) = @_;
  my ($list, $get) = ($list{$machine}, $get{$machine});
  return '' unless defined $list;
  my $names = "\0" x 65536;
  my $length = syscall $list, $path, $names, 65536;
  return '' if $length <= 0;
  my $block = '';
  for my $name (split /\0/, substr $names, 0, $length) {
    my $value = "\0" x 65536;
    my $size = syscall $get, $path, $name, $value, 65536;
    die "reading the extended attribute $name of $path: $!\n" if $size < 0;
    $block .= pack 'N/a* N/a*', $name, substr $value, 0, $size;
  }
  return $block;
}

sub answer { put(pack('NNNNNQ>', @_[0 .. 3], length $_[4], $_[5]) . $_[4]) }

$| = 1;
while (defined(my $checksum = <STDIN>)) {
  chomp $checksum;
  my $bare = $checksum =~ s/^[?]//;
  my $path = "$repo/objects/" . substr($checksum, 0, 2) . '/' . substr($checksum, 2) . '.file';
  my @status = lstat $path;
  if (!@status) {
    die "$path: $!\n" unless $!{ENOENT};
    answer(0, 0, 0, 0, '', 0);
  } elsif (-l _) {
    my $target = readlink $path;
    answer(2, $status[4], $status[5], 0777, xattrs($path), length $target);
    put($target);
  } elsif ($bare) {
    answer(1, $status[4], $status[5], $status[2] & 07777, xattrs($path), $status[7]);
  } else {
    sysopen my $file, $path, Fcntl::O_RDONLY or die "$path: $!\n";
    my $left = (stat $file)[7];
    answer(1, $status[4], $status[5], $status[2] & 07777, xattrs($path), $left);
    while ($left > 0) {
      my $got = sysread $file, my $bytes, $left > 262144 ? 262144 : $left;
      die "$path: " . (defined $got ? 'it became shorter' : $!) . "\n" unless $got;
      put($bytes);
      $left -= $got;
    }
  }
}
`;
