import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

/** A program that the toolbox needs, and the Debian package that has it. */
export interface Program {
  name: string;
  package: string;
  /** The flag that makes it print its version, where that is not `--version`. */
  version?: string;
}

/** What the host toolbox runs. */
export const neededPrograms: readonly Program[] = [
  { name: 'unshare', package: 'util-linux' },
  { name: 'setpriv', package: 'util-linux' },
  { name: 'ostree', package: 'ostree' },
  { name: 'apt-get', package: 'apt' },
  { name: 'gpgv', package: 'gpgv' },
];

/** What virtual devices need beside. */
export const devicePrograms: readonly Program[] = [
  { name: 'qemu-system-arm', package: 'qemu-system-arm' },
  { name: 'mkimage', package: 'u-boot-tools', version: '-V' },
  { name: 'mkfs.ext4', package: 'e2fsprogs', version: '-V' },
  { name: 'sfdisk', package: 'fdisk' },
];

/** Administrators' programs are left out of many users' PATH, but not of the toolbox's. */
const alwaysSearched = ['/usr/sbin', '/sbin'];

/** The absolute path of a program; null when PATH and the directories for administrators do not have it. */
export async function findProgram(name: string, searchPath = process.env.PATH ?? ''): Promise<string | null> {
  for (const dir of [...searchPath.split(path.delimiter), ...alwaysSearched]) {
    const file = path.join(dir, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (dir !== '' && found) return file;
  }
  return null;
}

/** Those of `programs` that this machine does not have. */
export async function missingPrograms(programs: readonly Program[], searchPath?: string): Promise<Program[]> {
  const found = await Promise.all(programs.map(({ name }) => findProgram(name, searchPath)));
  return programs.filter((_, index) => found[index] === null);
}
