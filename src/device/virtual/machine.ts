import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { DaemonSpec } from '../../toolbox/toolbox.ts';
import type { DeviceFiles } from './files.ts';

/** U-Boot for this machine, from Debian's u-boot-qemu. */
const firmware = '/usr/lib/u-boot/qemu_arm/u-boot.bin';

/** Name of a virtual device's machine, unique on this host: projects may have devices of the same name. */
export function machineName(files: DeviceFiles, device: string): string {
  const project = createHash('sha256').update(files.dir).digest('hex').slice(0, 12);
  return `lockstep-${project}-${device}`;
}

/**
 * An ARMv7 machine that U-Boot starts from the disk. A reset enters U-Boot again, so that a reboot takes what the boot
 * loader's files name then. What it flushes stays in this host's page cache, which outlives the machine. Its network reaches nothing; the only way in is the forwarded loopback port.
 */
export function machineSpec(name: string, files: DeviceFiles, memory: number, port: number): DaemonSpec {
  return {
    name,
    argv: [
      'qemu-system-arm',
      ...['-name', name],
      ...['-M', 'virt,highmem=off', '-cpu', 'cortex-a15', '-smp', '2', '-m', String(memory)],
      ...['-bios', firmware],
      ...['-display', 'none', '-monitor', 'none'],
      ...['-chardev', `file,id=console,path=${comma(files.console)},append=on`, '-serial', 'chardev:console'],
      ...[
        '-drive',
        `if=none,id=disk,format=raw,cache=unsafe,file=${comma(files.disk)}`,
        '-device',
        'virtio-blk-device,drive=disk',
      ],
      ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
      ...['-device', 'virtio-net-device,netdev=net'],
      ...['-device', 'virtio-rng-device'],
    ],
    log: files.qemuLog,
    cwd: files.dir,
  };
}

/** In qemu's option lists a comma within a value is written twice. */
function comma(value: string): string {
  return value.replaceAll(',', ',,');
}

/** A loopback port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
