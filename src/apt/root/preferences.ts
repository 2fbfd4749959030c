import type { PinConfig } from '../../config/types.ts';
import type { AptSource } from '../archive/apt-source.ts';
import { sourceLabel } from '../archive/source-label.ts';

/** Label of the archive that the project's own debs are to apt. */
export const localLabel = 'lockstep-local';

/** Label of the archive that what a lockfile pins is to apt. */
export const lockedLabel = 'lockstep-locked';

/** A version of a package, or a glob of versions. */
export type VersionOf = Pick<PinConfig, 'package' | 'version'>;

/**
 * apt_preferences(5) of an image: its pins, and no `usrmerge`, whose maintainer script rewrites the root that it is
 * configured in; apt then takes `usr-is-merged`, the other package that fulfils the same dependency.
 * @param local whether the project has debs of its own, which then win over the archive's
 * @param image what its sources' priorities are, and which packages it never takes
 */
export function preferences(
  pins: readonly VersionOf[],
  local = false,
  { sources = [], exclude = [] }: { sources?: readonly AptSource[]; exclude?: readonly string[] } = {},
): string {
  const ranked = sources.filter(({ priority }) => priority !== null);
  return [
    ...exclude.map((name) => preference(name, 'release *', -1)),
    preference('usrmerge', 'release *', -1),
    // What only the lockfile has is taken when something asks for it, never for being there.
    preference('*', `release l=${lockedLabel}`, -1),
    // Above 1000 a pin wins whatever else is newer.
    ...(local ? [preference('*', `release l=${localLabel}`, 1001)] : []),
    ...ranked.map((source) => preference('*', `release l=${sourceLabel(source)}`, source.priority!)),
    ...pins.map((pin) => preference(pin.package, `version ${pin.version}`, 1001)),
  ].join('\n');
}

/**
 * Preferences that stand above others, as the first that speaks of a version counts.
 * @param not versions that are not to be taken
 * @param kept versions that may be taken though no suite has them
 */
export function unless(not: readonly VersionOf[], kept: readonly VersionOf[]): string {
  const stanzas = [
    ...not.map((each) => preference(each.package, `version ${each.version}`, -1)),
    ...kept.map((each) => preference(each.package, `version ${each.version}`, 500)),
  ];
  return stanzas.map((stanza) => `${stanza}\n`).join('');
}

/** Preferences below others, by which nothing else is taken of these packages than what those others speak of. */
export function refusal(packages: readonly VersionOf[]): string {
  return packages.map((each) => `\n${preference(each.package, 'release *', -1)}`).join('');
}

/** Preferences in which there is nothing but these versions. */
export function nothingBut(versions: readonly VersionOf[]): string {
  const own = versions.map((each) => preference(each.package, `version ${each.version}`, 1001));
  return [preference('*', 'release *', -1), ...own].join('\n');
}

/** Whether a version is one that a pin means: the pin's `*` stands for any text, `?` for one character. */
export function pinMatches(pin: VersionOf, version: string): boolean {
  const pattern = pin.version
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 's').test(version);
}

function preference(name: string, pin: string, priority: number): string {
  return `Package: ${name}\nPin: ${pin}\nPin-Priority: ${priority}\n`;
}
