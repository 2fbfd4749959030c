# Runs part of a stage with the programs of a foreign architecture emulated: `emulated ROOT FUNCTION ARGUMENT…`, in which
# `in_image PROGRAM ARGUMENT…` starts a program of the root. The stage's first arguments say how:
# $1: native, shadow or plain; $2: directory of the native tools; $3: where a root shows them; $4: the same of the dispatchers;
# $5: qemu; $6: binfmt_misc magic and mask of the architecture, as its register file takes them.
emulation_way=$1 emulation_tools=$2 emulation_native=$3 emulation_dispatch=$4 emulation_qemu=$5 emulation_magic=$6
shift 6

in_image() { chroot "$root" "$@"; }

emulated() {
  root=$1
  shift
  if [ "$emulation_way" != plain ]; then
    mkdir -p "$root$emulation_native"
    mount --bind "$emulation_tools" "$root$emulation_native"
    mount -o remount,bind,ro "$root$emulation_native"
  fi
  if [ "$emulation_way" = native ]; then
    # binfmt_misc belongs to a user namespace since Linux 6.7: what is registered in one of our own concerns nobody else.
    mkdir -p "$root/run/lockstep/binfmt"
    perl -e "$user_namespace" unshare --mount --propagation private bash -euo pipefail -c "
      $(declare -f)
      $(declare -p root emulation_native emulation_dispatch emulation_qemu emulation_magic register_natives)
      mount -t binfmt_misc binfmt_misc \"\$root/run/lockstep/binfmt\"
      perl -e \"\$register_natives\" \"\$root\" \"\$emulation_native\" \"\$emulation_dispatch\" \\
        \"\$emulation_qemu\" \"\$emulation_magic\"
      \"\$@\"" emulated "$@"
  else
    if [ "$emulation_way" = shadow ]; then shadow_programs; fi
    "$@"
  fi
}

# Covers each emulated program with its native twin: for those who read or copy it as well, so only where none does.
shadow_programs() {
  while read -r program; do
    if [ -f "$root$program" ] && [ ! -L "$root$program" ]; then
      mount --bind "$emulation_tools$program" "$root$program"
    fi
  done < <(grep -E '^/usr/bin/(bash|dash|perl|sed|grep|find|xargs|mawk|gawk|tar|gzip|cat|cp|mv|rm|ln|mkdir|rmdir|chmod|chown|touch|head|tail|cut|tr|sort|uniq|wc|id|readlink|basename|dirname|mktemp|stat|install|expr|env|seq|test|\[|cmp|diff|which.debianutils|tempfile|hostname)$' \
    "$emulation_tools/programs")
}

# Runs a command as root of a user namespace in which every id is its own. Without exec: the one outside writes the maps.
user_namespace='
  use strict; use warnings;
  pipe(my $ready, my $tell_ready) && pipe(my $mapped, my $tell_mapped) or die "pipe: $!\n";
  my $pid = fork() // die "fork: $!\n";
  if (!$pid) {
    close $ready; close $tell_mapped;
    syscall(272, 0x10000000) == 0 or die "unshare: $!\n";    # SYS_unshare of x86-64, CLONE_NEWUSER
    syswrite $tell_ready, "x";
    sysread $mapped, my $byte, 1 or exit 125;
    exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
  }
  close $tell_ready; close $mapped;
  sysread $ready, my $byte, 1 or do { waitpid $pid, 0; exit 125 };
  for my $map ("uid_map", "gid_map") {
    open my $from, "<", "/proc/self/$map" or die "$map: $!\n";
    my $identity = join "", map { my ($inside, undef, $count) = split; "$inside $inside $count\n" } <$from>;
    open my $file, ">", "/proc/$pid/$map" or die "$map: $!\n";
    syswrite $file, $identity or die "$map: $!\n";
  }
  syswrite $tell_mapped, "x";
  waitpid $pid, 0;
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8);'

# Tells the kernel which program to start natively: by the first 128 bytes of its file, where the entry point and the
# sizes of its parts stand. Twins of which another program begins with the same bytes stay emulated. The newest entry
# comes first, so qemu for all others is registered first.
register_natives='
  use strict; use warnings; use File::Find;
  my ($root, $native, $dispatch, $qemu, $magic) = @ARGV;
  sub register {
    open my $file, ">", "$root/run/lockstep/binfmt/register" or die "binfmt_misc: $!\n";
    syswrite $file, $_[0] or die "binfmt_misc: $_[0]: $!\n";
  }
  sub head { open my $file, "<:raw", $_[0] or return ""; read $file, my $bytes, 128; $bytes // "" }
  my %files;
  find({ no_chdir => 1, wanted => sub {
    return if -l $_ || !-f _ || !-x _;
    my $inode = (stat _)[1];
    my $head = head($_);
    $files{$head}{$inode} = 1 if length $head == 128 && $head =~ /^\x7fELF/;
  } }, grep { -d } map { "$root/usr/$_" } qw(bin sbin libexec lib/systemd lib/udev lib/dracut));
  register(":foreign:M::$magic:$qemu:PF");
  open my $list, "<", "$root$native/programs" or die "$native/programs: $!\n";
  my $number = 0;
  while (my $program = <$list>) {
    chomp $program;
    next if -l "$root$program" || !-f _;
    my $head = head("$root$program");
    next if keys %{ $files{$head} // {} } != 1;
    my $escaped = join "", map { sprintf "\\x%02x", ord } split //, $head;
    register(":native" . ++$number . ":M::$escaped\::$dispatch$native$program:P");
  }'
