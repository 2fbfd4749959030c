# Makes the initramfs of each kernel in a configured root. The root is a hard-link checkout and therefore read-only here.
# $1: the root, $2: directory that takes <release>/initramfs.img, $3: modules wanted beside dracut's own choice. Where the kernel
# tells, $2.opened will name the files of the root that were opened.
root=$1 out=$2 drivers=$3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount_api_filesystems "$root"
for scratch in tmp var/tmp; do mount -t tmpfs -o mode=1777 scratch "$root/$scratch"; done
mkdir "$root/run/out" "$root/run/modules"

# dracut-install of a 32-bit architecture reads directories in a form that has no room for the positions that ext4 gives
# an emulator, and passes over the modules of those that it cannot read. Those of tmpfs are small.
mount -t tmpfs -o mode=755 modules "$root/run/modules"
cp --archive "$root/usr/lib/modules/." "$root/run/modules"
# mount(8) would take it down in /run/mount, which is not everyone's to write.
mount --no-mtab --move "$root/run/modules" "$root/usr/lib/modules"
# Files covered by native ones would be copied into the image.
if [ "$emulation_way" = shadow ]; then emulation_way=plain; fi
start_emulation "$root"

start_recording "$root" "$out.opened"

# The last bytes that gzip -9 gets out of it, half a percent, take three times as long as all others.
compress=(--compress 'gzip -n -6')
if grep -qs '^[^#]*compress=' "$root"/etc/dracut.conf "$root"/etc/dracut.conf.d/*.conf "$root"/usr/lib/dracut/dracut.conf.d/*.conf; then
  compress=()
fi

for modules in "$root"/usr/lib/modules/*/; do
  release=$(basename "$modules")
  # A module that this kernel does not have, or has built in, must not be asked for.
  present=$(for driver in $drivers; do
    if find "$modules" -name "$driver.ko*" | grep -q .; then echo "$driver"; fi
  done | tr '\n' ' ')
  # Device nodes: a user namespace may not make them, and the kernel brings those that it needs before it mounts devtmpfs.
  DRACUT_NO_MKNOD=1 "${emulated[@]}" chroot "$root" dracut --force --no-hostonly --reproducible --no-early-microcode \
    --nohardlink "${compress[@]}" --add-drivers "$present" --kver "$release" "/run/out/$release.img"
  mkdir -p "$out/usr/lib/modules/$release"
  install -m 0644 "$root/run/out/$release.img" "$out/usr/lib/modules/$release/initramfs.img"
done

stop_recording
# The modules were read before, as they were copied.
if [ -e "$out.opened" ]; then (cd "$root" && find usr/lib/modules -type f -print0) >>"$out.opened"; fi
