import type { LockedPackage } from '../../apt/lockfile/locked-package.ts';
import { type Lockfile, loadLockfile } from '../../apt/lockfile/lockfile.ts';
import { refuseUnknown, updatableAlone } from '../../apt/lockfile/updatable.ts';
import { type Recorded, readRecorded } from '../../apt/provenance/record-provenance.ts';
import type { Resolution } from '../../apt/resolve.ts';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Context } from '../verb.ts';

/** An image that is to be updated, and its lockfile before that. */
export interface Before {
  image: ImageConfig;
  /** null: there is none that can be read. */
  text: string | null;
  packages: LockedPackage[];
  /** What is recorded beside it; null: nothing that can be read. */
  recorded: Recorded | null;
  /** The packages of the image that alone are to be updated; none: all are. */
  only: string[];
  /** What it stays at, when none of the packages that are to be updated is the image's. */
  asItIs?: Resolution;
}

/**
 * A lockfile that cannot be read is made anew: an unfinished merge of two updates is settled by a third. But not when
 * all packages except some are to stay as they are in it: throws E_LOCK_MISSING, E_LOCK_SYNTAX, E_LOCK_STALE, and E_USAGE
 * for a package that no image has.
 */
export async function lockfilesBefore(context: Context, images: ImageConfig[], only: string[]): Promise<Before[]> {
  if (only.length === 0) return Promise.all(images.map((image) => anyBefore(context, image)));
  const lockfiles = await Promise.all(images.map((image) => heldLockfile(image)));
  const named = images.map((image, index) => updatableAlone(only, image, lockfiles[index]!));
  refuseUnknown(only, named, lockfiles);
  const records = await Promise.all(images.map((image) => recordBefore(context, image)));
  return images.map((image, index) => {
    const { text, packages } = lockfiles[index]!;
    const recorded = records[index]!;
    const nothing = { origins: new Map(), releases: [], waiting: [], early: [], departed: [], excludedNothing: [] };
    const asItIs: Resolution = { packages, text, ...nothing };
    const before = { image, text, packages, recorded, only: named[index]! };
    return before.only.length === 0 ? { ...before, asItIs } : before;
  });
}

async function anyBefore(context: Context, image: ImageConfig): Promise<Before> {
  const recorded = await recordBefore(context, image);
  try {
    const { text, packages } = await loadLockfile(image.lockfile);
    return { image, text, packages, recorded, only: [] };
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    if (error.code === 'E_LOCK_SYNTAX') context.progress.note(`made anew, as it cannot be read: ${error.message}`);
    return { image, text: null, packages: [], recorded, only: [] };
  }
}

async function recordBefore(context: Context, image: ImageConfig): Promise<Recorded | null> {
  try {
    return await readRecorded(image);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_PROVENANCE_SYNTAX') throw error;
    const risk = 'whether a suite is older than before is not known this time';
    context.progress.note(`made anew, as it cannot be read: ${error.message}; ${risk}`);
    return null;
  }
}

async function heldLockfile(image: ImageConfig): Promise<Lockfile> {
  try {
    return await loadLockfile(image.lockfile);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    const hint = 'run `lockstep update` without `--only`, which makes the lockfile anew';
    throw new LockstepError(error.code, error.message, { hint, cause: error });
  }
}
