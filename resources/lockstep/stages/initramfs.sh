# Makes the initramfs of each kernel in a configured root. The root is a hard-link checkout and therefore read-only here.
# $1: the root, $2: directory that takes <release>/initramfs.img, $3: modules wanted beside dracut's own choice.
root=$1 out=$2 drivers=$3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount_api_filesystems "$root"
for scratch in tmp var/tmp; do mount -t tmpfs -o mode=1777 scratch "$root/$scratch"; done
mkdir "$root/run/out"
for modules in "$root"/usr/lib/modules/*/; do
  release=$(basename "$modules")
  # A module that this kernel does not have, or has built in, must not be asked for.
  present=$(for driver in $drivers; do
    if find "$modules" -name "$driver.ko*" | grep -q .; then echo "$driver"; fi
  done | tr '\n' ' ')
  chroot "$root" dracut --force --no-hostonly --reproducible --no-early-microcode \
    --add-drivers "$present" --kver "$release" "/run/out/$release.img"
  mkdir -p "$out/usr/lib/modules/$release"
  install -m 0644 "$root/run/out/$release.img" "$out/usr/lib/modules/$release/initramfs.img"
done
