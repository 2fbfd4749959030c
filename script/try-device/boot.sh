# One boot of a device that is tried without a machine: does what boot loader, kernel and initramfs would, in namespaces of
# its own, then becomes the image's init. $1: the device's directory.
#
# As in any container there is one kernel, the host's. So that a boot can be told from another, this one has a boot id of its
# own (as systemd-nspawn gives its containers) and the arguments that the boot loader's entry names.
dir=$1
sysroot=$dir/sysroot root=$dir/root

# The first in the boot order has the highest number (BLS, as ostree writes it).
entry=$(find "$sysroot/boot/loader/entries/" -name '*.conf' | sort -V | tail -n 1)
options=$(sed -n 's/^options //p' "$entry")
for word in $options; do case $word in ostree=*) target=${word#ostree=} ;; esac; done
deployment=$(readlink -f "$sysroot$target")
kernel=$(sed -n 's/^linux //p' "$entry")
[ -e "$sysroot/boot$kernel" ] || [ -e "$sysroot$kernel" ] || { echo "there is no kernel $kernel" >&2; exit 1; }

mkdir -p "$root"
mount --bind "$deployment" "$root"
mount --make-private "$root"
mount --bind "$sysroot" "$root/sysroot"
mount --bind "$deployment/../../var" "$root/var"
mount --bind "$sysroot/boot" "$root/boot"
mount --bind "$root/usr" "$root/usr"
mount -o remount,bind,ro "$root/usr"

mount -t proc proc "$root/proc"
# What belongs to the host's kernel is not for a container to change; a write here could restart the host.
for path in sys sysrq-trigger irq bus; do
  [ -e "$root/proc/$path" ] || continue
  mount --bind "$root/proc/$path" "$root/proc/$path"
  mount -o remount,bind,ro "$root/proc/$path"
done
cat /proc/sys/kernel/random/uuid >"$dir/boot_id"
echo "$options" >"$dir/cmdline"
echo "$(cat "$dir/boot_id") $options" >>"$dir/boots"
mount --bind "$dir/boot_id" "$root/proc/sys/kernel/random/boot_id"
mount --bind "$dir/cmdline" "$root/proc/cmdline"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for stream in 0 1 2; do ln -s "/proc/self/fd/$stream" "$root/dev/$(echo stdin stdout stderr | cut -d' ' -f$((stream + 1)))"; done
for node in null zero full random urandom tty; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
: >"$root/run/ostree-booted"
ip link set lo up
hostname "$(basename "$dir")"

cd "$root"
pivot_root . .
umount -l .
exec env -i container=lockstep-try PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd </dev/null
