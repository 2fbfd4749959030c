# Finds out whether programs of a foreign architecture can be emulated in a namespace of our own. $1: QEMU's name of the
# architecture; stdin: a program of it, which exits with 42. Prints the emulator, or why not, and exits with 0 or 1.
for emulation_qemu in "/usr/libexec/qemu-binfmt/$1-binfmt-P" "/usr/bin/qemu-$1-static" "/usr/bin/qemu-$1" ''; do
  if [ -x "$emulation_qemu" ]; then break; fi
done
if [ -z "$emulation_qemu" ]; then
  echo "the toolbox has no qemu-user for $1"
  exit 1
fi
mount -t tmpfs -o mode=755 root /mnt
cat >/mnt/probe
chmod 755 /mnt/probe
if ! { start_emulation /mnt; } 2>/mnt/error; then
  echo "this kernel or engine gives no binfmt_misc to a user namespace ($(tail -n 1 /mnt/error))"
  exit 1
fi
status=0
"${emulated[@]}" chroot /mnt /probe || status=$?
if [ $status != 42 ]; then
  echo "$emulation_qemu does not run as an interpreter"
  exit 1
fi
echo "$emulation_qemu"
