#!/bin/bash
# dracut's module for initramfses that end a boot on trial which does not come further.

check() {
    return 0
}

depends() {
    echo systemd-initrd
}

install() {
    local unit=lockstep-initramfs-limit.service
    inst_multiple sh sleep
    inst_simple "$moddir/$unit" "${systemdsystemunitdir:?}/$unit"
    inst_hook shutdown-emergency 90 "$moddir/dracut-reboot.sh"
    mkdir -p "${initdir:?}$systemdsystemunitdir/initrd.target.wants"
    ln_r "$systemdsystemunitdir/$unit" "$systemdsystemunitdir/initrd.target.wants/$unit"
}
