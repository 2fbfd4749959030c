# Runs the project's scripts of the point `configured` in a configured tree with its overlays. $1: the tree, a hard-link
# checkout, $2: the directory of the scripts.
base=$1
root=$base.root
open_writable "$base" "$root"
mount_api_filesystems "$root"
start_emulation "$root"
hostname localhost
# No service starts while an image is made.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
run_scripts "$root" "$2" configured
end_left_running "$root"
rm "$root/usr/sbin/policy-rc.d"
remove_traces "$root"
settle_writable "$base" "$root"
