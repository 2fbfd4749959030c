import { stat } from 'node:fs/promises';
import { LockstepError } from '../errors/index.ts';

/**
 * The numbers of a repository's files mean one thing in the user namespace of one user and another outside of it, so a
 * project is built by one user, and by root or not. Throws E_TOOLBOX_OWNER when the path is there and another's.
 */
export async function assertOwn(file: string): Promise<void> {
  const owner = (await stat(file).catch(() => null))?.uid;
  const self = process.getuid?.();
  if (owner === undefined || self === undefined || owner === self) return;
  throw new LockstepError('E_TOOLBOX_OWNER', `${file} was made by ${named(owner)}, and this is ${named(self)}`, {
    hint: `build as ${named(owner)}${owner === 0 ? ' or with `--toolbox docker`' : ''}, or remove .lockstep: it is made anew`,
  });
}

const named = (uid: number) => (uid === 0 ? 'root' : `user ${uid}`);
