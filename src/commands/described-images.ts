import type { DescribedChanges } from '../apt/changes/described.ts';
import type { Pinned } from '../apt/changes/pinned.ts';
import type { LockedPackage } from '../apt/lockfile.ts';
import { archiveOf } from '../apt/sources.ts';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { describeChanges } from '../image/changes/describe.ts';
import { importSome } from '../image/import/import-some.ts';
import type { Context } from './verb.ts';

export interface Compared {
  before: readonly Pinned[];
  after: readonly Pinned[];
  repo: string;
}

/** Documentation that links to another package's is found when that one is here: a second round, and a third for the odd. */
const rounds = 4;

/** @param fetch brings debs into the repository whose changelogs are not there; null: what is there must do */
export async function described(
  { before, after, repo }: Compared,
  fetch: ((missing: readonly Pinned[]) => Promise<boolean>) | null,
): Promise<DescribedChanges> {
  for (let round = 1; ; round++) {
    const { missing, ...found } = await describeChanges(before, after, repo);
    const wanted = missing.filter(({ sha256 }) => sha256 !== null);
    if (fetch === null || wanted.length === 0 || round === rounds || !(await fetch(wanted))) return found;
  }
}

/** Imports debs of an image's lockfiles as a build does. False, with a note, when they cannot be had: that is no reason to show nothing. */
export function fetcherOf(context: Context, image: ImageConfig, locked: readonly LockedPackage[]) {
  const byDigest = new Map(locked.map((deb) => [deb.sha256, deb]));
  return async (missing: readonly Pinned[]): Promise<boolean> => {
    const debs = missing.map(({ sha256 }) => byDigest.get(sha256 ?? '')).filter((deb) => deb !== undefined);
    const { progress, signal, environment } = context;
    const [workspace, toolbox] = [await context.workspace(), await context.toolbox()];
    try {
      const archive = await archiveOf(toolbox, image, environment);
      await importSome(debs, { lockfile: image.lockfile, archive }, { workspace, toolbox, progress, signal });
      return debs.length > 0;
    } catch (error) {
      if (!(error instanceof LockstepError && /^E_(FETCH|DEB)_/.test(error.code))) throw error;
      progress.note(`not all changelogs could be fetched: ${error.message}`);
      return false;
    }
  };
}
