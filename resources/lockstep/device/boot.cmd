# lockstep: counts the boots of a deployment on trial, and takes the older one when it was not confirmed. For U-Boot's
# distro_bootcmd, which sets devtype, devnum and distro_bootpart. Read by U-Boot's hush: no functions, no nested variables.
#
# The counter is the first sector of a partition of its own, the first one unless lockstep_counter_part names another; the
# second sector of that partition says that it is one. Without it nothing is counted and nothing written.
setenv lockstep_counter
setenv upgrade_available
setenv bootcount
setenv bootlimit
setenv fallback
setenv fall_back
setenv trial_args
if test -z "${lockstep_counter_part}"; then setenv lockstep_counter_part 1; fi
setenv scratch ${ramdisk_addr_r}

${devtype} dev ${devnum}
if part start ${devtype} ${devnum} ${lockstep_counter_part} counter_sector; then
  setexpr marker_sector ${counter_sector} + 1
  if ${devtype} read ${scratch} ${marker_sector} 1; then
    env import -c ${scratch} 0x200 lockstep_counter
  fi
fi
if test "${lockstep_counter}" = 1; then
  # A sector that was torn while it was written reads as a trial: boots must be counted then, too.
  setenv upgrade_available 1
  if ${devtype} read ${scratch} ${counter_sector} 1; then
    env import -c ${scratch} 0x200 upgrade_available bootcount bootlimit fallback
  fi
fi
if test "${upgrade_available}" = 1; then
  if test -z "${bootcount}"; then setenv bootcount 0; fi
  if test -z "${bootlimit}"; then setenv bootlimit 3; fi
  if test -z "${fallback}"; then setenv fallback 2; fi
  # Numbers of setexpr are hexadecimal, those of test are not: single digits are the same in both.
  if test ${bootcount} -gt 8; then setenv bootcount 8; fi
  setexpr bootcount ${bootcount} + 1
  if test ${bootcount} -gt ${bootlimit}; then setenv fall_back 1; fi
  echo "lockstep: boot ${bootcount} of ${bootlimit} on trial"
  # Whatever stops this boot must end in another one.
  setenv trial_args " lockstep.boot=${bootcount} panic=5 oops=panic rd.shell=0 rd.emergency=reboot rd.retry=60 systemd.crash_reboot=1"
  env export -c -s 0x200 ${scratch} upgrade_available bootcount bootlimit fallback
  ${devtype} write ${scratch} ${counter_sector} 1
fi

# /boot is a directory of the root file system, or a file system of its own.
setenv boot_prefix /boot
if test ! -e ${devtype} ${devnum}:${distro_bootpart} /boot/loader/uEnv.txt; then setenv boot_prefix; fi
if load ${devtype} ${devnum}:${distro_bootpart} ${scratch} ${boot_prefix}/loader/uEnv.txt; then
  env import -t ${scratch} ${filesize}
fi
if test -n "${fall_back}"; then
  # ostree numbers the entries after the first: kernel_image2 is the second in the boot order.
  setenv older "setenv older_kernel \${kernel_image${fallback}}; setenv older_ramdisk \${ramdisk_image${fallback}}"
  setenv older "${older}; setenv older_fdtdir \${fdtdir${fallback}}; setenv older_args \"\${bootargs${fallback}}\""
  run older
  if test -n "${older_kernel}"; then
    echo "lockstep: the deployment on trial was not confirmed, taking the older one"
    setenv kernel_image ${older_kernel}
    setenv ramdisk_image ${older_ramdisk}
    setenv fdtdir ${older_fdtdir}
    setenv bootargs "${older_args} lockstep.fallback"
  fi
fi
setenv bootargs "${bootargs}${trial_args}"

echo "lockstep: starting ${kernel_image}"
setenv kernel_file ${boot_prefix}${kernel_image}
if test ! -e ${devtype} ${devnum}:${distro_bootpart} ${kernel_file}; then setenv boot_prefix; fi
setenv fdt_at ${fdtcontroladdr}
if test -n "${fdtfile}" -a -n "${fdtdir}"; then
  if load ${devtype} ${devnum}:${distro_bootpart} ${fdt_addr_r} ${boot_prefix}${fdtdir}/${fdtfile}; then
    setenv fdt_at ${fdt_addr_r}
  fi
fi
if load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} ${boot_prefix}${kernel_image}; then
  if load ${devtype} ${devnum}:${distro_bootpart} ${ramdisk_addr_r} ${boot_prefix}${ramdisk_image}; then
    bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_at}
    booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_at}
  fi
fi
# Not started: counts as a boot like any other.
echo "lockstep: cannot start ${kernel_image}"
sleep 1
reset
