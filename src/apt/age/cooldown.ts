import type { ChosenDeb } from '../archive/index-stanzas.ts';
import type { VersionOf } from '../root/preferences.ts';
import type { PublicationDate } from './publication-dates.ts';

/** A version that has not been in its archive for long enough. */
export interface YoungVersion extends VersionOf {
  sha256: string;
  /** Since when it has been in its archive. */
  published: PublicationDate;
  /** When it is old enough. */
  until: Date;
}

export interface Cooled {
  debs: ChosenDeb[];
  /** Versions that wait. */
  waiting: YoungVersion[];
  /** Versions that were taken all the same, as there is no solution without them. */
  early: YoungVersion[];
}

export interface Cooldown {
  /** The solution that takes every version at once. */
  first: ChosenDeb[];
  /** Versions in a solution that are too young. */
  tooYoung(debs: readonly ChosenDeb[]): Promise<YoungVersion[]>;
  /** The solution without these versions; null when there is none. */
  without(versions: readonly VersionOf[]): Promise<ChosenDeb[] | null>;
  /** Those of the versions that no solution can do without, as far as is known beforehand. */
  indispensable(versions: readonly YoungVersion[]): Promise<YoungVersion[]>;
}

/** As many solutions as are tried to find out which young versions have to be taken; then all of them are. */
const attempts = 40;

/** A solution without versions that are too young, but for those that there is none without. */
export async function coolDown(cooldown: Cooldown): Promise<Cooled> {
  let debs = cooldown.first;
  let waiting: YoungVersion[] = [];
  const early: YoungVersion[] = [];
  for (;;) {
    const known = new Set([...early, ...waiting].map(({ sha256 }) => sha256));
    const found = (await cooldown.tooYoung(debs)).filter(({ sha256 }) => !known.has(sha256));
    if (found.length === 0) return { debs, waiting, early };
    const forced = await cooldown.indispensable(found);
    const candidates = [...waiting, ...found.filter((each) => !forced.includes(each))];
    const search: Search = { solve: cooldown.without, out: [], debs: null, left: attempts };
    await leaveOut(search, candidates);
    early.push(...forced, ...candidates.filter((each) => !search.out.includes(each)));
    waiting = search.out;
    debs = search.debs ?? cooldown.first;
  }
}

interface Search {
  solve: Cooldown['without'];
  /** What is left out, and the solution without it; null as long as nothing is. */
  out: YoungVersion[];
  debs: ChosenDeb[] | null;
  /** Attempts. */
  left: number;
}

/** Leaves out as many of the versions as can be, halving those with which it does not work. */
async function leaveOut(search: Search, versions: readonly YoungVersion[]): Promise<void> {
  if (versions.length === 0 || search.left === 0) return;
  search.left -= 1;
  const out = [...search.out, ...versions];
  const debs = await search.solve(out);
  if (debs !== null) {
    Object.assign(search, { out, debs });
    return;
  }
  if (versions.length === 1) return;
  const half = Math.ceil(versions.length / 2);
  await leaveOut(search, versions.slice(0, half));
  await leaveOut(search, versions.slice(half));
}
