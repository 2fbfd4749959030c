import type { PinConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { stanzasOf } from '../archive/index-stanzas.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';
import { solveFailure, unmetDependencies } from '../root/failure.ts';
import { pinMatches, preferences } from '../root/preferences.ts';
import { compareVersions } from '../version.ts';
import { toBlame } from './blame.ts';
import type { Search } from './choose-debs.ts';
import { discord, type Held } from './discord.ts';

/** What lockstep.yml demands of a solution: a pin, or the name of a package that is excluded. */
type Demand = PinConfig | string;

const mostClauses = 10;

/**
 * Why there is no solution, in terms of the packages: which pins and exclusions leave none, and what needs what.
 * E_APT_UNSOLVABLE, or what apt's own words mean when it is not for those.
 */
export async function explainUnsolvable(search: Search, output: string): Promise<LockstepError> {
  const { image, local, root, solver, only } = search;
  const fresh = (demands: readonly Demand[]) => {
    const [pins, exclude] = [demands.filter(isPin), demands.filter((each) => !isPin(each))];
    return solver.fresh(preferences(pins, local.length > 0, { sources: root.sources, exclude: exclude as string[] }));
  };
  const demands = [...image.pins, ...image.exclude];
  const all = await fresh(demands);
  if ('debs' in all) return only.length > 0 ? cannotHold(search, all.debs, output) : solveFailure(image.name, output);
  if (demands.length === 0) return solveFailure(image.name, all.output);
  const causes = await toBlame(demands, async (kept) => 'debs' in (await fresh(kept)));
  if (causes === null) return solveFailure(image.name, all.output);
  const blamed = causes.flat();
  const free = await fresh(demands.filter((demand) => !blamed.includes(demand)));
  const packages = 'debs' in free ? await stanzas(search, free.debs) : [];
  const paragraphs = [];
  for (const cause of causes) {
    const held = await Promise.all(cause.map((demand) => heldBy(search, demand)));
    const told = await discord(packages, held, (names) => search.offered.named(names));
    paragraphs.push(
      paragraph(cause, told.length > 0 ? told : unmetDependencies(all.output).map((line) => line.trim())),
    );
  }
  return new LockstepError('E_APT_UNSOLVABLE', `image ${image.name}: ${paragraphs.join('\n')}`, {
    hint: 'take one of them out of lockstep.yml, or widen a pin, or pin what needs it to a version that goes with it',
  });
}

function isPin(demand: Demand): demand is PinConfig {
  return typeof demand !== 'string';
}

/** The version that a pin holds the package at: the highest one that it means. */
async function heldBy({ offered }: Search, pin: Demand): Promise<Held> {
  if (!isPin(pin)) return { package: pin, at: null };
  const meant = (await offered.named([pin.package])).filter(({ version }) => pinMatches(pin, version));
  const best = meant.reduce<LockedPackage | null>(
    (a, b) => (a === null || compareVersions(a.version, b.version) < 0 ? b : a),
    null,
  );
  return { package: pin.package, at: best };
}

function paragraph(cause: readonly Demand[], told: readonly string[]): string {
  const named = cause.map((each) =>
    isPin(each) ? `the pin ${each.package} ${each.version}` : `the exclusion of ${each}`,
  );
  const what = named.length === 1 ? 'leaves no solution' : 'leave no solution together';
  const reasons = cause.filter(isPin).map((pin) => `  ${pin.package} is pinned because: ${pin.reason}`);
  return [`${named.join(' and ')} ${what}:`, ...shown(told), ...reasons].join('\n');
}

/** What half of the system needs is as well explained by a few of those packages. */
function shown(clauses: readonly string[]): string[] {
  const lines = clauses.slice(0, mostClauses).map((clause) => `  ${clause}`);
  return clauses.length > mostClauses ? [...lines, `  … and ${clauses.length - mostClauses} more`] : lines;
}

/** There is a solution, but not one that leaves everything else as it is locked. */
async function cannotHold(
  search: Search,
  free: Parameters<typeof stanzasOf>[3],
  output: string,
): Promise<LockstepError> {
  const { image, locked, only } = search;
  const held = locked.filter((each) => !only.includes(each.package)).map((at) => ({ package: at.package, at }));
  const told = await discord(await stanzas(search, free), held, (names) => search.offered.named(names));
  const clauses = told.length > 0 ? told : unmetDependencies(output).map((line) => line.trim());
  const message = `image ${image.name}: ${only.join(', ')} cannot be updated while all else stays as it is locked:`;
  return new LockstepError('E_APT_UNSOLVABLE', [message, ...shown(clauses)].join('\n'), {
    hint: 'name the packages that stand in the way with `--only` too, or update all',
  });
}

function stanzas({ toolbox, root, indexes }: Search, debs: Parameters<typeof stanzasOf>[3]): Promise<LockedPackage[]> {
  return stanzasOf(
    toolbox,
    root,
    indexes.map(({ file }) => file),
    debs,
  );
}
