import type { ImageConfig } from '../config/types.ts';

/** What of an image's configuration decides which packages it gets; all lists sorted. */
export interface LockInputs {
  architecture: string;
  suites: string[];
  /** Suites of the configuration that were left out on the user's word, as when a mirror cannot serve them. */
  without: string[];
  packages: string[];
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
  packages: 'Packages',
  debs: 'Debs',
  pins: 'Pins',
} as const;

/** The inputs of an image as its configuration has them now. The mirror is none: the packages are the same from each. */
export function inputsOf(image: ImageConfig, without: readonly string[] = []): LockInputs {
  return {
    architecture: image.arch,
    suites: sorted(image.suites.filter((suite) => !without.includes(suite))),
    without: sorted(image.suites.filter((suite) => without.includes(suite))),
    packages: sorted(image.packages),
    debs: sorted(image.debs),
    pins: sorted(image.pins.map((pin) => `${pin.package}=${pin.version}`)),
  };
}

export function formatInputs(inputs: LockInputs): string {
  const line = (name: string, words: readonly string[]) =>
    words.length === 0 ? '' : `${prefix}${name}: ${words.join(' ')}\n`;
  return [
    line(names.architecture, [inputs.architecture]),
    line(names.suites, inputs.suites),
    line(names.without, inputs.without),
    line(names.packages, inputs.packages),
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
    packages: words(names.packages),
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
    ...listDifference('package', locked.packages, now.packages),
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

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
