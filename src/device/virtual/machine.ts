import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import path from 'node:path';
import type { DaemonSpec } from '../../toolbox/toolbox.ts';
import { quote } from '../ssh/shell.ts';
import type { DeviceFiles } from './files.ts';

/** U-Boot for this machine, from Debian's u-boot-qemu. */
const firmware = '/usr/lib/u-boot/qemu_arm/u-boot.bin';

/** Name of a virtual device's machine, unique on this host: projects may have devices of the same name. */
export function machineName(files: DeviceFiles, device: string): string {
  const project = createHash('sha256').update(files.dir).digest('hex').slice(0, 12);
  return `lockstep-${project}-${device}`;
}

/** What a machine may have beside the usual. */
export interface MachineExtras {
  /** Take over the state of a machine that was saved to this file, and stop there, instead of starting U-Boot. */
  memory?: string;
  /** Record every write to the disk, with the flushes between them, in `files.writes`. */
  recordWrites?: boolean;
  /** What its clock says when it starts, as `2001-02-03T04:05:06`; this machine's time when not given. */
  clock?: string;
}

/**
 * An ARMv7 machine that U-Boot starts from the disk. A reset enters U-Boot again, so that a reboot takes what the boot
 * loader's files name then. What it writes stays in this host's page cache,
 * which outlives the machine. Its network reaches nothing; the only way in is the forwarded loopback port.
 */
export function machineSpec(
  name: string,
  files: DeviceFiles,
  memory: number,
  port: number,
  extras: MachineExtras = {},
): DaemonSpec {
  return {
    name,
    argv: [
      'qemu-system-arm',
      ...['-name', name],
      ...['-M', 'virt,highmem=off', '-cpu', 'cortex-a15', '-smp', '2', '-m', String(memory)],
      ...['-bios', firmware],
      ...['-display', 'none', '-monitor', 'none'],
      // Relative: a socket's path may have 107 bytes.
      ...['-qmp', `unix:${path.basename(files.control)},server=on,wait=off`],
      ...['-chardev', `file,id=console,path=${comma(files.console)},append=on`, '-serial', 'chardev:console'],
      ...diskOptions(files, extras.recordWrites ?? false),
      ...['-device', 'virtio-blk-device,drive=disk'],
      ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
      ...['-device', 'virtio-net-device,netdev=net'],
      ...['-device', 'virtio-rng-device'],
      ...(extras.clock === undefined ? [] : ['-rtc', `base=${extras.clock}`]),
      ...(extras.memory === undefined ? [] : ['-incoming', `exec:cat ${quote(extras.memory)}`]),
    ],
    log: files.qemuLog,
    cwd: files.dir,
  };
}

// Flushes need not reach this host's disk: the page cache outlives the machine. The recorder must see them, though.
function diskOptions(files: DeviceFiles, recordWrites: boolean): string[] {
  const file = (name: string, path: string) =>
    `driver=file,node-name=${name},filename=${comma(path)},cache.no-flush=on`;
  if (!recordWrites) return ['-drive', `if=none,id=disk,format=raw,cache=unsafe,file=${comma(files.disk)}`];
  return [
    ...['-blockdev', file('disk-file', files.disk)],
    ...['-blockdev', file('writes', files.writes)],
    ...['-blockdev', 'driver=blklogwrites,node-name=disk,file=disk-file,log=writes,log-sector-size=512'],
  ];
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
