import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseRelations } from '../../src/apt/choose/relations.ts';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { type LockedPackage, lockedPackage } from '../../src/apt/lockfile/locked-package.ts';
import { compareVersions } from '../../src/apt/version.ts';
import { type ControlFiles, field } from '../../src/image/unpack/control-files.ts';
import { PackageSet } from '../../src/image/unpack/package-rules.ts';

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The newest version of each package in apt's index files of a directory. */
export async function packagesIn(lists: string): Promise<LockedPackage[]> {
  const newest = new Map<string, LockedPackage>();
  for (const file of (await readdir(lists)).filter((name) => name.endsWith('_Packages')).sort()) {
    for (const stanza of parseStanzas(await readFile(path.join(lists, file), 'utf8'))) {
      const found = lockedPackage(stanza);
      const known = newest.get(found.package);
      if (known === undefined || compareVersions(known.version, found.version) < 0) newest.set(found.package, found);
    }
  }
  return [...newest.values()].sort((a, b) => (a.package < b.package ? -1 : 1));
}

export interface Draw {
  count: number;
  /** Bounds on one deb and on all of them together, in bytes. */
  largest: number;
  total: number;
  random: () => number;
  /** What the image has already. */
  with: readonly LockedPackage[];
  /** Packages to begin with, for what a draw would seldom find. */
  wanted: readonly string[];
}

/**
 * Draws packages at random that do not exclude each other, a section of the archive in turn, so that all kinds are
 * among them. What they depend on is not drawn with them.
 */
export function draw(
  index: readonly LockedPackage[],
  { count, largest, total, random, ...options }: Draw,
): LockedPackage[] {
  const there = new Set(options.with.map((known) => known.package));
  const eligible = index.filter(
    (one) =>
      one.size <= largest && !there.has(one.package) && !one.essential && !/^(usrmerge|linux-)/.test(one.package),
  );
  const drawn: LockedPackage[] = [];
  let left = total;
  const take = (candidate: LockedPackage) => {
    if (candidate.size > left || drawn.includes(candidate) || excludes([...options.with, ...drawn], candidate)) return;
    drawn.push(candidate);
    left -= candidate.size;
  };
  for (const name of options.wanted) eligible.filter((one) => one.package === name).forEach(take);
  const sectionOf = (one: LockedPackage) => one.fields.get('Section') ?? '';
  const sections = [...new Set(eligible.map(sectionOf))].sort();
  const shuffled = sections.map((section) =>
    shuffle(
      eligible.filter((one) => sectionOf(one) === section),
      random,
    ),
  );
  while (drawn.length < count && shuffled.some((section) => section.length > 0)) {
    for (const section of shuffled) {
      const next = section.pop();
      if (next !== undefined && drawn.length < count) take(next);
    }
  }
  return drawn;
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** Whether Conflicts or Breaks stand between a package and others, either way. */
function excludes(others: readonly LockedPackage[], candidate: LockedPackage): boolean {
  const meets = (from: readonly LockedPackage[], to: readonly LockedPackage[]) => {
    const set = new PackageSet(to.map(asEntry));
    const relations = from.flatMap((one) =>
      ['Conflicts', 'Breaks'].flatMap((name) => parseRelations(one.fields.get(name)).flat()),
    );
    return relations.some((relation) => set.matching(relation).some((hit) => field(hit, 'Package') !== ''));
  };
  return meets([candidate], others) || meets(others, [candidate]);
}

const asEntry = ({ fields }: LockedPackage): ControlFiles => ({
  control: fields,
  conffiles: '',
  triggers: '',
  list: [],
  preinst: null,
  hasPostinst: false,
});
