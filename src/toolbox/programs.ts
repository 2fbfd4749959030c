import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { toolEnvironment } from './tool-failure.ts';

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
  { name: 'mkfs.ext4', package: 'e2fsprogs', version: '-V' },
  { name: 'sfdisk', package: 'fdisk' },
];

/** The absolute path of a program on the path that the host toolbox gives its commands; null when it is not there. */
export async function findProgram(name: string, searchPath = toolEnvironment.PATH ?? ''): Promise<string | null> {
  for (const dir of searchPath.split(path.delimiter)) {
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
