import type { ImageConfig, SourceConfig } from '../../config/types.ts';

/** What of an image's configuration decides which packages it gets; all lists sorted. */
export interface LockInputs {
  architecture: string;
  suites: string[];
  /** Suites of the configuration that were left out on the user's word, as when a mirror cannot serve them. */
  without: string[];
  /** Components of the suites. */
  components: string[];
  /** A word for each further repository: what decides which packages come from it. */
  sources: string[];
  packages: string[];
  /** `essential`, or the packages in place of those. */
  base: string[];
  recommends: boolean;
  exclude: string[];
  /** Patterns of local debs. */
  debs: string[];
  /** `package=version`, the version possibly a glob. */
  pins: string[];
}

/**
 * The lines above the first stanza of a lockfile. They stand directly on it: readers that know comments (grep-dctrl,
 * python-debian) skip them, all others (apt, dpkg) take them for fields of the first stanza that they do not know.
 */
const prefix = '#Lockstep-';
const names = {
  architecture: 'Architecture',
  suites: 'Suites',
  without: 'Without',
  components: 'Components',
  sources: 'Sources',
  packages: 'Packages',
  base: 'Base',
  recommends: 'Recommends',
  exclude: 'Exclude',
  debs: 'Debs',
  pins: 'Pins',
} as const;

/** What has no line of its own, as most images have it so, and all had before there was a choice. */
const usual = { components: ['main'], base: ['essential'] };

/** The inputs of an image as its configuration has them now. The mirror is none: the packages are the same from each. */
export function inputsOf(image: ImageConfig, without: readonly string[] = []): LockInputs {
  return {
    architecture: image.arch,
    suites: sorted(image.suites.filter((suite) => !without.includes(suite))),
    without: sorted(image.suites.filter((suite) => without.includes(suite))),
    components: sorted(image.components),
    sources: sorted(image.sources.map(sourceWord)),
    packages: sorted(image.packages),
    base: image.base === 'essential' ? usual.base : sorted(image.base),
    recommends: image.recommends,
    exclude: sorted(image.exclude),
    debs: sorted(image.debs),
    pins: sorted(image.pins.map((pin) => `${pin.package}=${pin.version}`)),
  };
}

/** The packages that an image asks for by name. */
export function wantedPackages({ packages, base }: Pick<ImageConfig, 'packages' | 'base'>): string[] {
  return base === 'essential' ? [...packages] : [...new Set([...base, ...packages])];
}

export function formatInputs(inputs: LockInputs): string {
  const line = (name: string, words: readonly string[]) =>
    words.length === 0 ? '' : `${prefix}${name}: ${words.join(' ')}\n`;
  return [
    line(names.architecture, [inputs.architecture]),
    line(names.suites, inputs.suites),
    line(names.without, inputs.without),
    line(names.components, unless(usual.components, inputs.components)),
    line(names.sources, inputs.sources),
    line(names.packages, inputs.packages),
    line(names.base, unless(usual.base, inputs.base)),
    line(names.recommends, inputs.recommends ? ['yes'] : []),
    line(names.exclude, inputs.exclude),
    line(names.debs, inputs.debs),
    line(names.pins, inputs.pins),
  ].join('');
}

/** Reads the lines back; null when the file has none, so that nobody knows what it was made for. */
export function parseInputs(lines: readonly string[]): LockInputs | null {
  const words = (name: string): string[] => {
    const line = lines.find((candidate) => candidate.startsWith(`${prefix}${name}:`));
    return line === undefined
      ? []
      : line
          .slice(prefix.length + name.length + 1)
          .split(/\s+/)
          .filter(Boolean);
  };
  const [architecture] = words(names.architecture);
  if (architecture === undefined) return null;
  return {
    architecture,
    suites: words(names.suites),
    without: words(names.without),
    components: orElse(words(names.components), usual.components),
    sources: words(names.sources),
    packages: words(names.packages),
    base: orElse(words(names.base), usual.base),
    recommends: words(names.recommends)[0] === 'yes',
    exclude: words(names.exclude),
    debs: words(names.debs),
    pins: words(names.pins),
  };
}

/** What differs between the inputs that a lockfile was made for and those of now, a clause each; empty when nothing. */
export function staleness(locked: LockInputs, now: LockInputs): string[] {
  return [
    ...(locked.architecture === now.architecture
      ? []
      : [`it is for ${locked.architecture}, lockstep.yml says ${now.architecture}`]),
    ...listDifference('suite', [...locked.suites, ...locked.without], now.suites),
    ...listDifference('component', locked.components, now.components),
    ...listDifference('source', locked.sources, now.sources),
    ...listDifference('package', locked.packages, now.packages),
    ...listDifference('base package', locked.base, now.base),
    ...(locked.recommends === now.recommends ? [] : [`lockstep.yml says recommends: ${now.recommends}, it was not so`]),
    ...listDifference('excluded package', locked.exclude, now.exclude),
    ...listDifference('local deb', locked.debs, now.debs),
    ...listDifference('pin', locked.pins, now.pins),
  ];
}

function listDifference(thing: string, locked: string[], now: string[]): string[] {
  const added = now.filter((word) => !locked.includes(word));
  const removed = locked.filter((word) => !now.includes(word));
  return [
    ...added.map((word) => `lockstep.yml has the ${thing} ${word}, the lockfile was made without it`),
    ...removed.map((word) => `the lockfile was made with the ${thing} ${word}, lockstep.yml no longer has it`),
  ];
}

/** The keyring is none of it: it decides whether anything is taken, not what. */
function sourceWord({ url, suites, components, priority }: SourceConfig): string {
  const parts = [url, `suites=${sorted(suites)}`, `components=${sorted(components)}`];
  return [...parts, ...(priority === null ? [] : [`priority=${priority}`])].join(';');
}

function unless(same: readonly string[], words: readonly string[]): readonly string[] {
  return words.join(' ') === same.join(' ') ? [] : words;
}

function orElse(words: string[], otherwise: string[]): string[] {
  return words.length === 0 ? otherwise : words;
}

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
