import type { LockedPackage } from '../lockfile/locked-package.ts';
import { compareVersions } from '../version.ts';
import { type Clash, PackageSet, type Unmet } from './package-set.ts';
import { formatRelation, type Relation } from './relations.ts';

/** How far what held packages need is followed. */
const steps = 8;

/** A package that may not be what it would be: held at a version, or kept out with null. */
export interface Held {
  package: string;
  at: LockedPackage | null;
}

/**
 * Why packages that are held do not fit into a solution that was found without holding them, a clause each: `curl 8.0-1
 * needs libssl3 (>= 3.0.17)`. Where they would fit if others were held as well, those. Empty when their own relations do not
 * tell.
 * @param offered all versions of packages, by name, that there are
 */
export async function discord(
  free: readonly LockedPackage[],
  held: readonly Held[],
  offered: (names: readonly string[]) => Promise<LockedPackage[]>,
): Promise<string[]> {
  const now = new Map(free.map((locked) => [locked.package, locked]));
  const fixed = new Map(held.map((each) => [each.package, each.at]));
  for (const [name, at] of fixed) put(now, name, at);
  const told = new Set<string>();
  const search: Search = { now, fixed, told, companions: new Map(), offered };
  for (let step = 0; step < steps; step += 1) {
    const set = new PackageSet([...now.values()]);
    for (const clash of set.clashes()) told.add(clashText(clash));
    const followed = await follow(set, search);
    if (!followed) break;
  }
  return told.size > 0
    ? [...told]
    : [...search.companions.values()].map(({ clause, at }) => `${clause}: pin ${at} as well`);
}

interface Search {
  now: Map<string, LockedPackage>;
  fixed: Map<string, LockedPackage | null>;
  told: Set<string>;
  /** What held packages need and is there to be had, by name. It is not the newest, so that apt looks past it. */
  companions: Map<string, { clause: string; at: string }>;
  offered: (names: readonly string[]) => Promise<LockedPackage[]>;
}

/** Tells what is unmet, and takes in what a held package needs and is there to be had. True when it took something in. */
async function follow(set: PackageSet, { now, fixed, told, companions, offered }: Search): Promise<boolean> {
  let followed = false;
  for (const unmet of set.unmet()) {
    const names = unmet.choice.map(({ name }) => name);
    const holder = fixed.has(unmet.by.package);
    const there = await offered(names);
    const fitting = unmet.choice.flatMap((relation) => new PackageSet(there).matching(relation));
    const allowed = fitting.filter(({ package: name }) => !fixed.has(name));
    if (holder && allowed.length > 0) {
      const best = allowed.reduce((a, b) => (compareVersions(a.version, b.version) < 0 ? b : a));
      fixed.set(best.package, best);
      now.set(best.package, best);
      companions.set(best.package, { clause: unmetText(unmet, []), at: `${best.package} to ${best.version}` });
      followed = true;
      continue;
    }
    // Why it is not there: it went along with what is held.
    for (const name of names) if (companions.has(name)) told.add(companions.get(name)!.clause);
    told.add(unmetText(unmet, fitting.length > 0 ? [] : there));
  }
  return followed;
}

function put(now: Map<string, LockedPackage>, name: string, at: LockedPackage | null): void {
  if (at === null) now.delete(name);
  else if (now.has(name)) now.set(name, at);
}

function unmetText({ by, choice }: Unmet, there: readonly LockedPackage[]): string {
  const versions = [...new Set(there.map(({ package: name, version }) => `${name} ${version}`))].sort();
  const only = versions.length === 0 ? '' : `; there is ${versions.slice(0, 3).join(', ')}`;
  return `${title(by)} needs ${choice.map((relation) => formatRelation(plain(relation))).join(' or ')}${only}`;
}

function clashText({ by, field, relation, other }: Clash): string {
  const verb = field === 'Breaks' ? 'breaks' : 'conflicts with';
  return `${title(by)} ${verb} ${formatRelation(plain(relation))}, which is ${title(other)}`;
}

function title({ package: name, version }: LockedPackage): string {
  return `${name} ${version}`;
}

/** An image has one architecture. */
function plain(relation: Relation): Relation {
  return { ...relation, architecture: null };
}
