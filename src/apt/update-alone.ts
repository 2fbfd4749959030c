import type { Search } from './choose-debs.ts';
import type { LockedPackage } from './locked-package.ts';
import { pinMatches } from './preferences.ts';
import type { Answer } from './solver.ts';
import { wantedOf } from './wanted.ts';

/**
 * Brings packages up to date, with what they need for that, and leaves every other one at the version that is locked:
 * apt is asked what it would do on a system that has what the lockfile pins; of that, what the image needs is taken.
 * @param all whether every package is one that is to be brought up to date, as far as that goes
 */
export async function solveAlone(search: Search, asked: string, { all = false } = {}): Promise<Answer> {
  const { solver, locked } = search;
  const found = await solver.installedOver(locked, { install: requested(search), all, preferences: asked });
  if (!('versions' in found)) return found;
  const essential = locked.filter((each) => each.essential).map((each) => each.package);
  return solver.within(found.versions, essential);
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
 * The packages with every one that has the locked version as the lockfile has it, whatever a suite publishes under that
 * version now; but for those that were named.
 */
export function heldAsLocked(
  packages: readonly LockedPackage[],
  locked: readonly LockedPackage[],
  only: readonly string[],
): LockedPackage[] {
  const before = new Map(locked.map((each) => [each.package, each]));
  return packages.map((each) => {
    const held = before.get(each.package);
    return held?.version === each.version && !only.includes(each.package) ? held : each;
  });
}
