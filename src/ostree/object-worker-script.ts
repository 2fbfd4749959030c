/**
 * The program that writes objects into a bare repository, where only the toolbox is root: `perl -e` of it, with the
 * repository and the name of a directory to make below its `tmp`. perl-base is essential in Debian: it is there. ostree's own commit would hash and stat again what the agent has hashed while it was decoded.
 *
 * stdin: frames of a kind and a length (32 bits, big-endian), then as many bytes:
 *   M  a metadata object: its name below `objects` (80 bytes, NUL-padded), its bytes
 *   F  a whole file: name, uid, gid, mode (32 bits each), length and block of xattrs, content
 *   B  begins a file: as F without content, its name empty   D  content   Z  a hole's length (64 bits)
 *   E  ends it: its name                                      L  a symbolic link: as F, its target for content
 *   R  a ref and its commit, separated by a NUL               S  asks for an answer: one line with the frame's bytes
 * An object gets its name only when it is whole; a ref comes after all its objects. What already is there with the right
 * kind and length is left, as ostree leaves it. The end of stdin, wherever it comes, ends the program; so does any failure,
 * which is on stderr then.
 *
 * The lock is ostree's own (ostree_repo_lock_push: an open file description lock on .lock), so that a prune waits.
 */
export const objectWorkerScript = String.raw`
use strict; use warnings; use Fcntl ();
my ($repo, $name) = @ARGV;
my ($objects, $dir) = ("$repo/objects", "$repo/tmp/$name-$$");
my ($buffer, $temp, $file, $attributes, $path) = ('', "$dir/object");
my %fsetxattr = (x86_64 => 190, aarch64 => 7, armv7l => 228);
my %lsetxattr = (x86_64 => 189, aarch64 => 6, armv7l => 227);

sub need {
  my ($length) = @_;
  while (length $buffer < $length) {
    sysread(STDIN, $buffer, 262144, length $buffer) or finish();
  }
}

sub finish {
  unlink $temp; rmdir $dir;
  exit 0;
}

sub failed { my $why = $!; unlink $temp; die "$_[0]: $why\n" }

sub put {
  my $at = shift;
  while ($at < length $_[0]) {
    my $wrote = syswrite $file, $_[0], 262144, $at;
    failed("writing to $dir") unless defined $wrote;
    $at += $wrote;
  }
}

sub create {
  unlink $temp;
  sysopen $file, $temp, Fcntl::O_WRONLY | Fcntl::O_CREAT | Fcntl::O_EXCL, 0600 or failed("creating $temp");
}

sub set_xattrs {
  my ($block, $numbers, $target) = @_;
  return if $block eq '';
  require POSIX;
  my $number = $numbers->{(POSIX::uname())[4]};
  ($path, my @pairs) = unpack '(N/a*)*', $block;
  while (my ($key, $value) = splice @pairs, 0, 2) {
    $! = 38;
    next if defined $number && syscall($number, $target, $key, $value, length $value, 0) == 0;
    failed("the file system of $repo cannot keep the extended attribute $key of $path");
  }
}

sub take_attributes {
  my ($uid, $gid, $mode, $xattrs) = @_;
  # Writing and chown take setuid bits and capabilities away, so they come last.
  $uid || $gid and (chown $uid, $gid, $file or failed("chown in $dir"));
  set_xattrs($xattrs, \%fsetxattr, fileno $file);
  chmod $mode, $file or failed("chmod in $dir");
  utime 0, 0, $file or failed("utime in $dir");
  close $file or failed("closing a file in $dir");
  undef $file;
}

sub place {
  my ($object) = @_;
  return if rename $temp, "$objects/$object";
  my $parent = "$objects/" . substr $object, 0, 2;
  mkdir $parent, 0755 or $!{EEXIST} or failed("creating $parent");
  rename $temp, "$objects/$object" or failed("renaming to $objects/$object");
}

sub there {
  my ($object, $size) = @_;
  my @status = lstat "$objects/$object";
  return @status && (-l _ || -f _ && $status[7] == $size);
}

sub metadata {
  my ($object, $bytes) = @_;
  return if there($object, length $bytes);
  create();
  put(0, $bytes);
  chmod 0644, $file or failed("chmod in $dir");
  close $file or failed("closing a file in $dir");
  place($object);
}

sub symbolic {
  my ($object, $uid, $gid, undef, $xattrs, $target) = @_;
  return if there($object, 0);
  unlink $temp;
  symlink $target, $temp or failed("linking in $dir");
  if ($uid || $gid) { require POSIX; POSIX::lchown($uid, $gid, $temp) or failed("chown in $dir") }
  set_xattrs($xattrs, \%lsetxattr, $temp);
  place($object);
}

sub ref_to {
  my ($ref, $commit) = @_;
  my $at = "$repo/refs/heads";
  # What a pull that was broken off has said of it: the commit is whole now.
  unlink "$repo/state/$commit.commitpartial";
  my @parts = split m{/}, $ref;
  my $last = pop @parts;
  for (@parts) { $at .= "/$_"; mkdir $at, 0755 or $!{EEXIST} or failed("creating $at") }
  create();
  put(0, "$commit\n");
  chmod 0644, $file or failed("chmod in $dir");
  close $file or failed("closing a file in $dir");
  rename $temp, "$at/$last" or failed("renaming to $at/$last");
}

sub answer { my $line = "$_[0]\n"; syswrite STDOUT, $line }

my $head = 'Z80 N N N N/a*';
my %do = (
  M => sub { metadata(unpack 'Z80 a*', $_[0]) },
  F => sub {
    my ($object, $uid, $gid, $mode, $xattrs) = unpack $head, $_[0];
    my $start = 96 + length $xattrs;
    return if there($object, length($_[0]) - $start);
    create();
    put($start, $_[0]);
    take_attributes($uid, $gid, $mode, $xattrs);
    place($object);
  },
  B => sub { (undef, my @of) = unpack $head, $_[0]; $attributes = \@of; create() },
  D => sub { put(0, $_[0]) },
  Z => sub { sysseek $file, unpack('Q>', $_[0]), 1 or failed("seeking in $dir") },
  E => sub {
    # A hole at the end is no write.
    truncate $file, sysseek $file, 0, 1 or failed("truncating in $dir");
    take_attributes(@$attributes);
    place(unpack 'Z80', $_[0]);
  },
  L => sub { symbolic(unpack "$head a*", $_[0]) },
  R => sub { ref_to(split /\0/, $_[0]) },
  S => sub { answer($_[0]) },
);

umask 022;
sysopen my $lock, "$repo/.lock", Fcntl::O_RDWR | Fcntl::O_CREAT, 0660 or failed("opening $repo/.lock");
my $shared = pack 's s x4 q q i x4', Fcntl::F_RDLCK, 0, 0, 0, 0;
fcntl $lock, 38, $shared or failed("locking $repo/.lock");
mkdir $dir, 0700 or $!{EEXIST} or failed("creating $dir");
while (1) {
  need(5);
  my ($kind, $length) = unpack 'aN', $buffer;
  need(5 + $length);
  substr $buffer, 0, 5, '';
  $do{$kind}->(substr $buffer, 0, $length, '');
}
`;
