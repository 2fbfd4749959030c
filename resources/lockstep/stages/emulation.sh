# Lets native builds of an image's programs run in the place of emulated ones: `start_emulation ROOT`, once the root has its
# API file systems, then `"${emulated[@]}" chroot ROOT PROGRAM…`. Only what is executed changes: whoever reads or copies
# a program finds the image's own. To be run in mount and pid namespaces of its own, with these variables set:
#   emulation_way     native: the kernel chooses when a program is executed; shadow: it is mounted over; plain: emulated
#   emulation_tools   directory of the native tools, or nothing
#   emulation_native, emulation_dispatch   where a root shows them, and their dispatchers
#   emulation_qemu    the emulator; emulation_magic: what tells the architecture's programs, for binfmt_misc
emulated=()

start_emulation() {
  [ "$emulation_way" != plain ] || return 0
  if [ -n "$emulation_tools" ]; then
    mkdir -p "$1$emulation_native"
    mount --bind "$emulation_tools" "$1$emulation_native"
    mount -o remount,bind,ro "$1$emulation_native"
  fi
  case $emulation_way in
    native)
      # What is registered in a namespace of our own concerns nobody else. Whoever is to be served enters it; mounts,
      # processes and ids stay what they are outside.
      emulation_holder=$(perl -e "$hold_namespace" "$emulation_qemu" "$emulation_magic") || return 1
      emulated=(nsenter "--user=/proc/$emulation_holder/ns/user" --preserve-credentials --)
      register_natives "$1"
      ;;
    shadow) shadow_programs "$1" ;;
  esac
}

# To be called again when programs have come. $1: the root.
register_natives() {
  if [ "$emulation_way" != native ] || [ -z "$emulation_tools" ]; then return 0; fi
  local namespaces=/proc/$emulation_holder/ns
  nsenter "--user=$namespaces/user" "--mount=$namespaces/mnt" --preserve-credentials -- \
    perl -e "$register_natives" "$1" "$emulation_tools" "$emulation_native" "$emulation_dispatch"
}

# Where binfmt_misc has no namespaces. Whoever reads or copies a covered program finds the native one, so these are only
# programs that are no more than executed while packages are configured.
shadow_programs() {
  local program
  for program in bash dash perl sed grep find xargs mawk gawk tar gzip cat cp mv rm ln mkdir rmdir chmod chown chgrp touch \
    head tail cut tr sort uniq wc id readlink basename dirname mktemp stat install expr env seq cmp diff; do
    program=/usr/bin/$program
    if [ -f "$emulation_tools$program" ] && [ -f "$1$program" ] && [ ! -L "$1$program" ]; then
      mount --bind "$emulation_tools$program" "$1$program"
    fi
  done
}
