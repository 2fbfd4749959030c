import { counterSize, fallbackArgument } from '../boot-counter.ts';
import { crc32 } from '../crc32.ts';
import { counterSector } from './layout.ts';

const hex = (value: number) => `0x${value.toString(16)}`;

/**
 * The script that U-Boot's `distro_bootcmd` finds as /boot/boot.scr. It boots what ostree wrote into
 * /boot/loader/uEnv.txt: `kernel_image`, `ramdisk_image` and `bootargs`, or, once a deployment on trial was started more
 * than `limit` times without being confirmed, those of the older entry, whose names end in 2.
 */
export function bootScript(limit = 3): string {
  return `setenv environment_at 0x40300000
setenv counter_at 0x40380000
setenv upgrade_available
setenv bootcount
setenv fall_back

virtio dev 0
if virtio read \${counter_at} ${hex(counterSector)} 1; then
  # A sector that was torn while it was written reads as a trial: boots must be counted then, too.
  if env import -c \${counter_at} ${hex(counterSize)}; then true; else
    setenv upgrade_available 1
    setenv bootcount 0
  fi
fi
if test "\${upgrade_available}" = 1; then
  setexpr bootcount \${bootcount} + 1
  echo "lockstep: boot \${bootcount} of ${limit} on trial"
  if test \${bootcount} -gt ${limit}; then setenv fall_back 1; fi
  env export -c -s ${hex(counterSize)} \${counter_at} upgrade_available bootcount
  virtio write \${counter_at} ${hex(counterSector)} 1
fi

if load \${devtype} \${devnum}:\${distro_bootpart} \${environment_at} /boot/loader/uEnv.txt; then
  env import -t \${environment_at} \${filesize}
fi
if test -n "\${fall_back}" -a -n "\${kernel_image2}"; then
  echo "lockstep: the deployment on trial did not start, taking the older one"
  setenv kernel_image \${kernel_image2}
  setenv ramdisk_image \${ramdisk_image2}
  setenv bootargs "\${bootargs2} ${fallbackArgument}"
fi
echo "lockstep: starting \${kernel_image}"
if load \${devtype} \${devnum}:\${distro_bootpart} \${kernel_addr_r} /boot\${kernel_image}; then
  if load \${devtype} \${devnum}:\${distro_bootpart} \${ramdisk_addr_r} /boot\${ramdisk_image}; then
    bootz \${kernel_addr_r} \${ramdisk_addr_r}:\${filesize} \${fdtcontroladdr}
  fi
fi
# Not started: counts as a boot like any other.
echo "lockstep: cannot start \${kernel_image}"
sleep 1
reset
`;
}

/**
 * Wraps a script as U-Boot's legacy image, as `mkimage -A arm -T script -C none` does: a 64-byte header, then a list of
 * the parts' lengths ended by 0, then the text (U-Boot, include/image.h).
 */
export function scriptImage(script: string): Buffer {
  const text = Buffer.from(script, 'ascii');
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(text.length, 0);
  const data = Buffer.concat([lengths, text]);
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x27051956, 0);
  // Bytes 8 to 11, the time, stay 0: the same script is the same image.
  header.writeUInt32BE(data.length, 12);
  header.writeUInt32BE(crc32(data), 24);
  const [linux, arm, scriptType, noCompression] = [5, 2, 6, 0];
  header.set([linux, arm, scriptType, noCompression], 28);
  header.write('lockstep boot', 32, 'ascii');
  header.writeUInt32BE(crc32(header), 4);
  return Buffer.concat([header, data]);
}
