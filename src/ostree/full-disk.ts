import path from 'node:path';
import { LockstepError } from '../errors/index.ts';

/** Says of a full disk in which stage it was, and where. Any other error stays what it is. */
export function namingStage(error: unknown, stage: string, repo: string): unknown {
  if (!(error instanceof LockstepError) || error.code !== 'E_DISK_FULL') return error;
  // An engine may have a disk of its own.
  if (error.message.startsWith('the Docker engine')) return error;
  const dir = path.dirname(repo);
  return new LockstepError('E_DISK_FULL', `the disk of ${dir} is full, in the stage ${stage}: ${error.message}`, {
    hint: `free space where ${dir} lies, then run it again: it goes on from what was finished`,
    cause: error,
  });
}
