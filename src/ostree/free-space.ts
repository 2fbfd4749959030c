import { statfs } from 'node:fs/promises';
import { LockstepError } from '../errors/index.ts';

/** MiB that stay free: ostree asks by default for 3 % of the disk, which is much on a large one. */
export const reserveMiB = 64;

/** How often it is worth to ask again while much is written. */
const intervalMs = 100;

/** Looks whether a repository's disk has room left; ostree does so for what it writes itself. */
export class FreeSpace {
  readonly #repo: string;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(repo: string) {
    this.#repo = repo;
  }

  /** Throws E_DISK_FULL when less than the reserve is free. To be called often. */
  async assert(): Promise<void> {
    const now = performance.now();
    if (now - this.#asked < intervalMs) return;
    this.#asked = now;
    const { bavail, bsize } = await statfs(this.#repo);
    if (bavail * bsize >= reserveMiB * 2 ** 20) return;
    throw new LockstepError('E_DISK_FULL', `less than ${reserveMiB} MiB are free where ${this.#repo} lies`, {
      hint: 'free space under the project’s .lockstep directory, then run again',
    });
  }
}
