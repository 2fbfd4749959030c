import { mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import { assertOwn } from '../toolbox/ownership.ts';
import { identify, isAlive, type ProcessIdentity } from '../toolbox/process-identity.ts';

/**
 * Holds `.lockstep/lock` while a verb changes the project's state. The file names its owner; one whose owner is gone
 * (a crash, a power cut) is taken over. Throws E_BUSY when the owner lives, E_TOOLBOX_OWNER when the directory is another
 * user's. Returns what gives the lock back.
 */
export async function lockProject(workspace: Workspace, verb: string): Promise<() => Promise<void>> {
  await mkdir(workspace.dir, { recursive: true });
  const file = path.join(workspace.dir, 'lock');
  const mine: Owner = { ...(await identify(process.pid)), verb };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await createExclusively(file, JSON.stringify(mine))) return () => rm(file, { force: true });
    const owner = await readOwner(file);
    if (owner !== null && (await isAlive(owner))) throw busy(owner, workspace);
    await rm(file, { force: true });
  }
  throw new LockstepError('E_BUSY', `${file} is taken again and again`);
}

interface Owner extends ProcessIdentity {
  verb: string;
}

function busy(owner: Owner, workspace: Workspace): LockstepError {
  const message = `another lockstep (${owner.verb}, process ${owner.pid}) is at work in ${path.dirname(workspace.dir)}`;
  return new LockstepError('E_BUSY', message, { hint: 'wait for it to end, or stop that process' });
}

async function createExclusively(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(text).finally(() => handle.close());
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'EACCES') await assertOwn(path.dirname(file));
    if (code !== 'ENOSPC') throw error;
    await rm(file, { force: true });
    throw new LockstepError('E_DISK_FULL', `the disk is full: cannot write ${file}`, {
      hint: `free space where ${path.dirname(file)} lies`,
      cause: error,
    });
  }
}

async function readOwner(file: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner;
  } catch {
    return null;
  }
}
