import { open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/**
 * ostree waits for the disk at every commit, which takes a third of the time of an import's hundreds, more when others
 * write too. An import tells it not to and waits once, at its end. Until then a mark lies beside the repository that
 * names this boot of the machine: found by a later boot, it says that what was written since may be damaged.
 */
export async function deferSync<T>(toolbox: Toolbox, repo: string, work: () => Promise<T>): Promise<T> {
  await writeMark(repo, await bootId());
  const finish = async () => {
    await toolbox.run(['sync', '--file-system', repo]);
    await removeMark(repo);
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // Interrupted, the toolbox is closed and the mark stays: what was written is safe as long as the machine runs.
    await finish().catch(() => {});
    throw error;
  }
  await finish();
  return result;
}

/**
 * Takes back what an import had written when the machine went down: the objects since its mark, and all refs below
 * `prefix`, which the next import makes anew from the objects that are left. Says whether it had to.
 */
export async function recoverSync(toolbox: Toolbox, repo: string, prefix: string): Promise<boolean> {
  const mark = await readFile(markOf(repo), 'utf8').catch(() => null);
  if (mark === null || mark === (await bootId())) return false;
  // By the time of change: ostree sets the time of modification of its objects to 0.
  await toolbox.run(['find', path.join(repo, 'objects'), '!', '-type', 'd', '-cnewer', markOf(repo), '-delete']);
  await toolbox.run(['rm', '-rf', path.join(repo, 'refs/heads', prefix)]);
  await toolbox.run(['sync', '--file-system', repo]);
  await removeMark(repo);
  return true;
}

/** The mark of an import at work or broken off. */
export function markOf(repo: string): string {
  return `${repo}.unsynced`;
}

async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
}

async function writeMark(repo: string, text: string): Promise<void> {
  // The mark of an earlier import in this boot stands for what that one wrote too.
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
