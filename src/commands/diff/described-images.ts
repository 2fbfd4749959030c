import { archiveOf } from '../../apt/archive/sources.ts';
import type { DescribedChanges } from '../../apt/changes/described.ts';
import type { Pinned } from '../../apt/changes/pinned.ts';
import type { LockedPackage } from '../../apt/lockfile/lockfile.ts';
import type { CacheConfig, ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { describeChanges } from '../../image/changes/describe.ts';
import { importSome } from '../../image/import/import-some.ts';
import type { Context } from '../verb.ts';

export interface Compared {
  before: readonly Pinned[];
  after: readonly Pinned[];
  repo: string;
}

/** Documentation that links to another package's is found when that one is here: a second round, and a third for the odd. */
const rounds = 4;

/** Brings debs into the repository; whether any came. */
type Fetch = (missing: readonly Pinned[]) => Promise<boolean>;

/** @param fetch for debs whose changelogs are not there; null: what is there must do */
export async function described({ before, after, repo }: Compared, fetch: Fetch | null): Promise<DescribedChanges> {
  for (let round = 1; ; round++) {
    const { missing, ...found } = await describeChanges(before, after, repo);
    const wanted = missing.filter(({ sha256 }) => sha256 !== null);
    if (fetch === null || wanted.length === 0 || round === rounds || !(await fetch(wanted))) return found;
  }
}

/** Imports debs of an image's lockfiles as a build does. What cannot be had is noted: that is no reason to show nothing. */
export function fetcherOf(context: Context, image: ImageConfig, locked: readonly LockedPackage[]): Fetch {
  const byDigest = new Map(locked.map((deb) => [deb.sha256, deb]));
  const given = new Set<string>();
  return async (missing) => {
    const debs = missing.map(({ sha256 }) => byDigest.get(sha256 ?? '')).filter((deb) => deb !== undefined);
    const untried = debs.filter(({ sha256 }) => !given.has(sha256));
    for (const { sha256 } of untried) given.add(sha256);
    return untried.length > 0 && (await fetchDebs(context, image, untried, (await context.config()).cache));
  };
}

async function fetchDebs(
  context: Context,
  image: ImageConfig,
  debs: readonly LockedPackage[],
  cache: CacheConfig | null,
): Promise<boolean> {
  const { progress, signal, environment } = context;
  const [workspace, toolbox] = [await context.workspace(), await context.toolbox()];
  try {
    const archive = () => archiveOf(toolbox, image, environment);
    await importSome(debs, { image, archive, cache }, { workspace, toolbox, progress, signal });
    return true;
  } catch (error) {
    if (!(error instanceof LockstepError) || !/^E_(FETCH|DEB|APT)_/.test(error.code)) throw error;
    if (debs.length === 1 || !/^E_(FETCH_GONE|DEB_.*)$/.test(error.code)) {
      progress.note(`not all changelogs could be fetched: ${error.message}`);
      return debs.length > 1;
    }
  }
  // One that is gone must not keep the others back. A cache has given what it has.
  let any = false;
  for (const deb of debs) any = (await fetchDebs(context, image, [deb], null)) || any;
  return any;
}
