import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

const disks: string[] = [];

after(async () => {
  for (const disk of disks) {
    await execa('umount', ['--lazy', disk], { reject: false });
    await rm(disk, { recursive: true, force: true });
  }
});

/** A directory on a disk of its own, of so many MiB, in memory: quick, and soon full. Gone after the tests. */
export async function memoryDisk(name: string, mib: number): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), `lockstep-${name}-`));
  disks.push(dir);
  await execa('mount', ['-t', 'tmpfs', '-o', `mode=755,size=${mib}m`, `lockstep-${name}`, dir]);
  return dir;
}

/** Gives such a disk another size; less than what is on it is refused. */
export async function resizeDisk(dir: string, mib: number): Promise<void> {
  await execa('mount', ['-o', `remount,size=${mib}m`, dir]);
}
