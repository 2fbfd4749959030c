# Runs the project's scripts of the point `finalized` in a finalized root, mounted as a device would: /etc made of /usr/etc,
# /var of its own, which is thrown away. The root is a private copy. $1: the root, $2: the directory of the scripts.
root=$1
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
