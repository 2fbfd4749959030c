# Runs the project's scripts inside a root that has its API file systems: as root, one after the other in the order of
# their names, without network, in an environment that is the same everywhere. $1: the root, $2: the directory that holds
# them (nothing to do when there is none), $3: the point, as scripts find it in LOCKSTEP_POINT.
run_scripts() {
  [ -d "$2" ] || return 0
  mkdir "$1/run/lockstep"
  mount --bind "$2" "$1/run/lockstep"
  mount -o remount,bind,ro "$1/run/lockstep"
  for script in "$2"/*; do
    echo "lockstep-run: ${script##*/}"
    unshare --net "${emulated[@]}" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root \
      LANG=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" DEBIAN_FRONTEND=noninteractive INITRD=No \
      LOCKSTEP_POINT="$3" \
      chroot "$1" "/run/lockstep/${script##*/}" </dev/null
  done
  echo 'lockstep-run:'
  umount "$1/run/lockstep"
  rmdir "$1/run/lockstep"
}
