import type { PinConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { toBlame } from './blame.ts';
import type { Search } from './choose-debs.ts';
import { discord, type Held } from './discord.ts';
import { solveFailure, unmetDependencies } from './failure.ts';
import { stanzasOf } from './index-stanzas.ts';
import type { LockedPackage } from './locked-package.ts';
import { pinMatches, preferences } from './preferences.ts';
import { compareVersions } from './version.ts';

/**
 * Why there is no solution, in terms of the packages: which pins leave none, and what needs what. E_APT_UNSOLVABLE, or
 * what apt's own words mean when it is not for the pins.
 */
export async function explainUnsolvable(search: Search, output: string): Promise<LockstepError> {
  const { image, local, root, solver, only } = search;
  const from = { ...image, sources: root.sources };
  const fresh = (pins: readonly PinConfig[]) => solver.fresh(preferences(pins, local.length > 0, from));
  const all = await fresh(image.pins);
  if ('debs' in all) return only.length > 0 ? cannotHold(search, all.debs, output) : solveFailure(image.name, output);
  const causes = await toBlame(image.pins, async (kept) => 'debs' in (await fresh(kept)));
  if (causes === null || image.pins.length === 0) return solveFailure(image.name, all.output);
  const blamed = causes.flat();
  const free = await fresh(image.pins.filter((pin) => !blamed.includes(pin)));
  const packages = 'debs' in free ? await stanzas(search, free.debs) : [];
  const paragraphs = [];
  for (const pins of causes) {
    const held = await Promise.all(pins.map((pin) => heldBy(search, pin)));
    const told = await discord(packages, held, (names) => search.offered.named(names));
    paragraphs.push(paragraph(pins, told.length > 0 ? told : unmetDependencies(all.output).map((line) => line.trim())));
  }
  return new LockstepError('E_APT_UNSOLVABLE', `image ${image.name}: ${paragraphs.join('\n')}`, {
    hint: `drop ${blamed.length === 1 ? 'the pin' : 'a pin'} from lockstep.yml, widen it, or pin what needs it to a version that goes with it`,
  });
}

/** The version that a pin holds the package at: the highest one that it means. */
async function heldBy({ offered }: Search, pin: PinConfig): Promise<Held> {
  const meant = (await offered.named([pin.package])).filter(({ version }) => pinMatches(pin, version));
  const best = meant.reduce<LockedPackage | null>(
    (a, b) => (a === null || compareVersions(a.version, b.version) < 0 ? b : a),
    null,
  );
  return { package: pin.package, at: best };
}

function paragraph(pins: readonly PinConfig[], told: readonly string[]): string {
  const named = pins.map((pin) => `${pin.package} ${pin.version}`).join(' and ');
  const what =
    pins.length === 1 ? `the pin ${named} leaves no solution` : `the pins ${named} leave no solution together`;
  const reasons = pins.map((pin) => `  ${pin.package} is pinned because: ${pin.reason}`);
  return [`${what}:`, ...told.map((clause) => `  ${clause}`), ...reasons].join('\n');
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
  return new LockstepError(
    'E_APT_UNSOLVABLE',
    [message, ...clauses.slice(0, 10).map((each) => `  ${each}`)].join('\n'),
    {
      hint: 'name the packages that stand in the way with `--only` too, or update all',
    },
  );
}

function stanzas({ toolbox, root, indexes }: Search, debs: Parameters<typeof stanzasOf>[3]): Promise<LockedPackage[]> {
  return stanzasOf(
    toolbox,
    root,
    indexes.map(({ file }) => file),
    debs,
  );
}
