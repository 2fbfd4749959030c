# Makes the sysroot of a device that is tried without a machine: one deployment, keys to log in with.
# $1: build repository, $2: commit, $3: the directory that gets sysroot/ and has the keys.
repo=$1 commit=$2 dir=$3
export OSTREE_SYSROOT_DEBUG=mutable-deployments
sysroot=$dir/sysroot
mkdir -p "$sysroot"
ostree admin init-fs --modern "$sysroot"
ostree admin --sysroot="$sysroot" os-init lockstep
# There is no boot loader: what reads /boot/loader/entries is boot.sh.
ostree --repo="$sysroot/ostree/repo" config set sysroot.bootloader none
ostree --repo="$sysroot/ostree/repo" pull-local --disable-fsync "$repo" "$commit"
ostree admin deploy --sysroot="$sysroot" --os=lockstep --karg=rw "$commit"

deployed=$(echo "$sysroot/ostree/deploy/lockstep/deploy/$commit".*/)
mkdir -p "$deployed/etc/ssh"
# Newly made files: what was checked out may share its data with the build repository.
rm -f "$deployed/etc/ssh/ssh_host_ed25519_key" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"
install -m 600 "$dir/host_ed25519" "$deployed/etc/ssh/ssh_host_ed25519_key"
install -m 644 "$dir/host_ed25519.pub" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"
home=$sysroot/ostree/deploy/lockstep/var/roothome
mkdir -p "$home/.ssh"
chmod 700 "$home" "$home/.ssh"
install -m 600 "$dir/id_ed25519.pub" "$home/.ssh/authorized_keys"
chown -R 0:0 "$home" "$deployed/etc/ssh/ssh_host_ed25519_key" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"
