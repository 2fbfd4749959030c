# Configures a tree: unpacks what is still to be unpacked, then `dpkg --configure`. $1: the tree, a hard-link checkout, $2: the
# repository, $3: the steps of the unpacking (see unpack.sh); stdin: the conffiles. Where the kernel tells, $1.opened will name the
# files of the root that were opened, $1.opened.queries who asked dpkg's database for versions.
base=$1 repo=$2 steps=$3
root=$base.root
open_writable "$base" "$root"

lay_out_root "$root"
set_conffiles_aside "$root"

mount_api_filesystems "$root"
start_emulation "$root"
note_ends "$base.ends"
hostname localhost

# $1: the root, $2: the list of a package's files that have been laid.
programs_came() {
  if [ -z "$emulation_tools" ]; then return 0; fi
  if sed -E 's,^/s?bin/,/usr&,' "$2" | grep -xFf "$emulation_tools/programs" >/dev/null; then register_natives "$1"; fi
}

# Users must exist before anything can belong to them (base-passwd's own postinst keeps them up to date).
for name in passwd group; do
  if [ ! -e "$root/etc/$name" ]; then cp "$root/usr/share/base-passwd/$name.master" "$root/etc/$name"; fi
done

# Each device makes host keys of its own: openssh-server's postinst leaves files that are there, and spares minutes of
# emulated prime numbers.
if [ -e "$root/var/lib/dpkg/lockstep/openssh-server_"*.control ]; then
  mkdir -p -m 755 "$root/etc/ssh"
  for type in rsa ecdsa ed25519; do : >"$root/etc/ssh/ssh_host_${type}_key"; done
fi

# No service starts while an image is made (invoke-rc.d and deb-systemd-invoke ask this).
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

# The initramfs is a stage of its own: the kernel's hooks are told to leave it.
export INITRD=No
# A copy of the tree is no mount of its own.
recording=no
if mountpoint -q "$root"; then recording=yes; fi
if [ $recording = yes ]; then start_recording "$root" "$base.opened" "$root/var/lib/dpkg"; fi
run_unpack_steps "$root" "$repo" "$steps"
run_scripts "$root" "${LOCKSTEP_SCRIPTS:-}" unpacked
configure_packages "$root" -a
if [ $recording = yes ]; then stop_recording; fi
tell_killed "$base.ends"
end_left_running "$root"
rm "$root/usr/sbin/policy-rc.d"

# Of the machine that builds, or made by each device on its first boot.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname"
rm -rf "$root/var/lib/dpkg/lockstep"
remove_traces "$root"
settle_writable "$base" "$root"
