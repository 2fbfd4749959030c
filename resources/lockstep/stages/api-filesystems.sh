# What programs in a chroot expect of a kernel. To be run in mount and pid namespaces of its own: all of it is gone when
# they end. $1: the root.
mount_api_filesystems() {
  mount -t proc proc "$1/proc"
  # What sets up the machine and not the image (what a container engine makes read-only too).
  local place
  for place in bus fs irq sys sysrq-trigger; do
    if [ ! -e "$1/proc/$place" ]; then continue; fi
    mount --bind "$1/proc/$place" "$1/proc/$place"
    mount -o remount,bind,ro "$1/proc/$place"
  done
  # Present, but empty: no script may look at the machine that builds.
  mount -t tmpfs -o mode=755,size=1m sysfs "$1/sys"
  mount -t tmpfs -o mode=755 run "$1/run"
  mkdir -p "$1/run/lock"
  mount -t tmpfs -o mode=755,size=4m dev "$1/dev"
  make_device "$1/dev/null" 1 3
  make_device "$1/dev/zero" 1 5
  make_device "$1/dev/full" 1 7
  make_device "$1/dev/random" 1 8
  make_device "$1/dev/urandom" 1 9
  make_device "$1/dev/tty" 5 0
  mkdir "$1/dev/pts" "$1/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
  mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
  ln -s pts/ptmx "$1/dev/ptmx"
  ln -s /proc/self/fd "$1/dev/fd"
  ln -s fd/0 "$1/dev/stdin"
  ln -s fd/1 "$1/dev/stdout"
  ln -s fd/2 "$1/dev/stderr"
}

# The root of a user namespace may make no devices; this machine's own are the same.
make_device() {
  mknod -m 666 "$1" c "$2" "$3" 2>/dev/null && return
  : >"$1"
  mount --bind "/dev/${1##*/}" "$1"
}
