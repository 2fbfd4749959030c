import type { LockedPackage } from '../lockfile/locked-package.ts';
import { pinMatches } from '../root/preferences.ts';
import type { Search } from './choose-debs.ts';
import type { Answer, Versions } from './solver.ts';
import { wantedOf } from './wanted.ts';

/**
 * Brings packages up to date, with what they need for that, and leaves every other one at the version that is locked:
 * apt is asked what it would do on a system that has what the lockfile pins; of that, what the image needs is taken.
 * @param all whether every package is one that is to be brought up to date, as far as that goes
 */
export async function solveAlone(search: Search, asked: string, { all = false } = {}): Promise<Answer> {
  const { solver, locked } = search;
  const install = requested(search);
  const request = { install, all, preferences: asked };
  let found = await solver.installedOver(locked, request);
  // apt rather takes away what stands in the way than brings it up to date unasked.
  const lost = 'versions' in found ? lostFrom(search, found.versions) : [];
  if (lost.length > 0) found = await solver.installedOver(locked, { ...request, install: [...install, ...lost] });
  if (!('versions' in found)) return found;
  const essential = locked.filter((each) => each.essential).map((each) => each.package);
  return solver.within(found.versions, essential);
}

/** What the image wants, and no longer would have. */
function lostFrom({ image, local, locked }: Search, versions: Versions): string[] {
  const wanted = wantedOf(image, local);
  return locked.map((each) => each.package).filter((name) => wanted.includes(name) && !versions.has(name));
}

/** The packages named, and what lockstep.yml has come to ask for since: packages, local debs, other versions. */
function requested({ image, local, locked, only }: Search): string[] {
  const there = new Map(locked.map((each) => [each.package, each.version]));
  const named = wantedOf(image, local).filter((word) => !word.startsWith('?'));
  const missing = named.filter((name) => !there.has(name));
  const own = local.filter((each) => there.get(each.package) !== each.version).map((each) => each.package);
  const pinned = image.pins.filter((pin) => there.has(pin.package) && !pinMatches(pin, there.get(pin.package)!));
  return [...new Set([...only, ...missing, ...own, ...pinned.map((pin) => pin.package)])];
}

/**
 * The packages as the lockfile has those that stay: whatever a suite publishes under a locked version now, but for what
 * was named, when some are updated alone; else those that come from the lockfile.
 */
export function asLocked(
  packages: readonly LockedPackage[],
  { locked, only, departed }: Pick<Search, 'locked' | 'only'> & { departed: ReadonlySet<string> },
): LockedPackage[] {
  const before = new Map(locked.map((each) => [each.package, each]));
  return packages.map((each) => {
    const held = before.get(each.package);
    const stays = departed.has(each.sha256) || (only.length > 0 && !only.includes(each.package));
    return stays && held?.version === each.version ? held : each;
  });
}
