import { existsSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/**
 * ostree waits for the disk at every commit, which takes a third of the time of an import's hundreds, seconds of a stage's
 * when others write too. A build tells it not to and waits once, before anything that the user knows names the result. Until
 * then a mark lies beside the repository that names this boot of the machine: found by a later boot, it says that what
 * was written since may be damaged.
 */
export class DeferredSync {
  readonly #toolbox: Toolbox;
  readonly #repo: string;
  #begun: Promise<void> | undefined;

  constructor(toolbox: Toolbox, repo: string) {
    this.#toolbox = toolbox;
    this.#repo = repo;
  }

  /** To be awaited before anything is written that is not waited for. Throws E_DISK_FULL. */
  begin(): Promise<void> {
    this.#begun ??= bootId().then((id) => writeMark(this.#repo, id));
    return this.#begun;
  }

  /**
   * Waits until all that was written is on the disk, by this build or by one before it that was killed, whose stages this
   * one may have found made. Not to be called once the build was interrupted: the mark stays then, and what was written is
   * safe as long as the machine runs.
   */
  async settle(): Promise<void> {
    await this.#begun;
    if (!existsSync(markOf(this.#repo))) return;
    await this.#toolbox.run(['sync', '--file-system', this.#repo]);
    await removeMark(this.#repo);
    this.#begun = undefined;
  }
}

/** Refs that a build makes before it waits for the disk: of debs and of stages. */
const unsettled = ['dpkg', 'lockstep'];

/**
 * Takes back what a build had written when the machine went down: the objects since its mark, and all refs of debs and
 * stages, which the next build makes anew from the objects that are left. Says whether it had to.
 */
export async function recoverSync(toolbox: Toolbox, repo: string): Promise<boolean> {
  if (!(await wasCutOff(repo))) return false;
  // By the time of change: ostree sets the time of modification of its objects to 0.
  await toolbox.run(['find', path.join(repo, 'objects'), '!', '-type', 'd', '-cnewer', markOf(repo), '-delete']);
  await toolbox.run(['rm', '-rf', ...unsettled.map((prefix) => path.join(repo, 'refs/heads', prefix))]);
  await toolbox.run(['sync', '--file-system', repo]);
  await removeMark(repo);
  return true;
}

/** Whether the machine went down during a build: what that one wrote may be damaged. */
export async function wasCutOff(repo: string): Promise<boolean> {
  const mark = await readFile(markOf(repo), 'utf8').catch(() => null);
  return mark !== null && mark !== (await bootId());
}

/** The mark of a build at work or broken off. */
export function markOf(repo: string): string {
  return `${repo}.unsynced`;
}

async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
}

async function writeMark(repo: string, text: string): Promise<void> {
  // The mark of an earlier build in this boot stands for what that one wrote too.
  if ((await readFile(markOf(repo), 'utf8').catch(() => null)) === text) return;
  try {
    await writeFile(markOf(repo), text, { flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new LockstepError('E_DISK_FULL', `the disk is full: cannot write ${markOf(repo)}`, { cause: error });
  }
  await syncDirectory(repo);
}

/** On disk before anything else is written: a mark that came back would condemn what is sound. */
async function removeMark(repo: string): Promise<void> {
  await rm(markOf(repo), { force: true });
  await syncDirectory(repo);
}

async function syncDirectory(repo: string): Promise<void> {
  const directory = await open(path.dirname(repo), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
