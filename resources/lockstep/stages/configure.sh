# Configures an unpacked root: preinst scripts, then `dpkg --configure`. The root is a private copy.
# $1: the root, $2: the order of preinst scripts, "package architecture script" a line.
root=$1 preinsts=$2
mount_api_filesystems "$root"
hostname localhost

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
INITRD=No chroot "$root" dpkg --force-confnew --configure -a </dev/null
rm "$root/usr/sbin/policy-rc.d"
