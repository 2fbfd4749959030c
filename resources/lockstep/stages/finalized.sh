# Runs the project's scripts of the point `finalized` in a finalized tree, mounted as a device would: /etc made of /usr/etc,
# /var of its own, which is thrown away. $1: the tree, a hard-link checkout, $2: the directory of the scripts.
base=$1
root=$base.root
open_writable "$base" "$root"
mkdir -m 755 "$root/etc"
mount --bind "$root/usr/etc" "$root/etc"
for scratch in var tmp; do mount -t tmpfs -o mode=755 scratch "$root/$scratch"; done
for name in home srv mnt roothome usrlocal opt; do mkdir "$root/var/$name"; done
mkdir -m 1777 "$root/var/tmp"
chmod 1777 "$root/tmp"
mkdir "$root/var/lib"
ln -s ../../usr/lib/sysimage/dpkg "$root/var/lib/dpkg"
mount_api_filesystems "$root"
start_emulation "$root"
hostname localhost
run_scripts "$root" "$2" finalized
end_left_running "$root"
umount "$root/etc"
rmdir "$root/etc"
settle_writable "$base" "$root"
