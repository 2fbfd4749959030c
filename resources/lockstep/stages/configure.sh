# Configures an unpacked root: preinst scripts, then `dpkg --configure`. The root is a private copy.
# $1: the root, $2: the preinst scripts in their order, "package architecture script" a line,
# $3: the essential packages; stdin: the conffiles.
root=$1 preinsts=$2 essential=$3

# The layout that Debian's packages assume since bookworm (usr-is-merged); the import put what was in /bin under /usr/bin.
for name in bin sbin lib lib32 lib64 libx32 libo32; do
  if [ -d "$root/usr/$name" ]; then ln -sfn "usr/$name" "$root/$name"; fi
done
for name in boot dev proc run sys; do mkdir -p -m 755 "$root/$name"; done
mkdir -p "$root/tmp" "$root/var/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp"

# dpkg puts conffiles in place when it configures: until then they bear another name.
perl -e '
  my $root = shift;
  while (my $file = <STDIN>) {
    chomp $file;
    next unless -e "$root$file" || -l "$root$file";
    rename "$root$file", "$root$file.dpkg-new" or die "$root$file: $!\n";
  }' "$root"

mount_api_filesystems "$root"
hostname localhost

# Users must exist before anything can belong to them (base-passwd's own postinst keeps them up to date).
for name in passwd group; do
  if [ ! -e "$root/etc/$name" ]; then cp "$root/usr/share/base-passwd/$name.master" "$root/etc/$name"; fi
done

# Each device makes host keys of its own: openssh-server's postinst leaves files that are there, and spares minutes of
# emulated prime numbers.
if [ -e "$root/usr/sbin/sshd" ]; then
  for type in rsa ecdsa ed25519; do : >"$root/etc/ssh/ssh_host_${type}_key"; done
fi

# No service starts while an image is made (invoke-rc.d and deb-systemd-invoke ask this).
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

printf '%s\n' "$preinsts" | while read -r package arch script; do
  [ -n "$package" ] || continue
  echo "lockstep-script: $package preinst"
  DPKG_MAINTSCRIPT_PACKAGE=$package DPKG_MAINTSCRIPT_ARCH=$arch DPKG_MAINTSCRIPT_NAME=preinst \
    DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_RUNNING_VERSION=1.21 DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT='' \
    chroot "$root" "/var/lib/dpkg/info/$script" install </dev/null
done

# The initramfs is a stage of its own: the kernel's hooks are told to leave it.
export INITRD=No
# Most packages rely on the essential ones without saying so.
# shellcheck disable=SC2086  # a list of names
chroot "$root" dpkg --force-confnew --configure $essential </dev/null
chroot "$root" dpkg --force-confnew --configure -a </dev/null
rm "$root/usr/sbin/policy-rc.d"

# Traces of the build, which would differ from one build to the next, or must differ from one device to the next.
cd "$root"
rm -f etc/ssh/ssh_host_* etc/*- etc/.pwd.lock etc/resolv.conf etc/hostname
rm -rf var/lib/dpkg/lockstep var/lib/dpkg/*-old var/lib/dpkg/lock* var/lib/dpkg/triggers/Lock var/lib/dpkg/updates/*
rm -f var/cache/debconf/*-old var/cache/ldconfig/aux-cache var/cache/apt/*.bin var/lib/systemd/random-seed
rm -rf var/lib/apt/lists/* var/lib/ucf/*.[0-9]
find var/log ! -type d -delete
find tmp var/tmp -mindepth 1 -delete
# Empty: systemd makes one for each device, and takes the boot for an ordinary one.
rm -f etc/machine-id var/lib/dbus/machine-id
: >etc/machine-id
