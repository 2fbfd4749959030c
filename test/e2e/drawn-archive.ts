import { stanzaText } from '../apt/samples.ts';

/** Numbers from 0 to 1 that a seed determines. */
export type Random = () => number;

export interface DrawnArchive {
  /** Stanzas by suite. */
  suites: Record<'stable' | 'stable-updates' | 'vendor', string[]>;
  /** All packages, and those that every system has. */
  names: string[];
  essential: string[];
}

const count = 120;
const versions = ['1', '1.5', '2', '2.1', '3'];

/**
 * An archive with all that makes a solver think: versions in several suites, virtual packages with and without versions,
 * alternatives, bounds, conflicts, breaks, recommendations.
 */
export function drawArchive(random: Random): DrawnArchive {
  const suites: DrawnArchive['suites'] = { stable: [], 'stable-updates': [], vendor: [] };
  const names = Array.from({ length: count }, (_, at) => `p${at}`);
  for (const [at, name] of names.entries()) {
    const essential: Record<string, string> = at < 3 ? { Essential: 'yes' } : {};
    const relations = () => (at < 3 ? {} : relationsOf(at, random));
    const stanza = (version: string) => stanzaText(name, version, { ...relations(), ...essential });
    suites.stable.push(...drawn(versions.slice(0, 3), 1 + below(2, random), random).map(stanza));
    if (random() < 0.3) suites['stable-updates'].push(stanza(one(versions, random)));
    if (random() < 0.3) suites.vendor.push(stanza(one(versions, random)));
  }
  return { suites, names, essential: names.slice(0, 3) };
}

/** Some of the packages. */
export function drawn<T>(items: readonly T[], size: number, random: Random): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(size, left.length) }, () => left.splice(below(left.length, random), 1)[0]!);
}

export function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

function one<T>(items: readonly T[], random: Random): T {
  return items[below(items.length, random)]!;
}

function relationsOf(at: number, random: Random): Record<string, string> {
  const depends = Array.from({ length: below(3, random) }, () => choice(at, random));
  const recommends = Array.from({ length: below(3, random) }, () => choice(at, random));
  const rare = (chance: number, value: () => string) => (random() < chance ? value() : '');
  const fields = {
    Depends: depends.join(', '),
    'Pre-Depends': rare(0.1, () => choice(at, random)),
    Recommends: recommends.join(', '),
    Conflicts: rare(0.08, () => relation(anyName(random), random)),
    Breaks: rare(0.06, () => relation(anyName(random), random)),
    Provides: rare(0.35, () => one(['v0', 'v1', 'v2', 'v3', 'v4 (= 2)', 'v5 (= 1)'], random)),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

/** Mostly of packages before this one, so that there are ends. */
function choice(at: number, random: Random): string {
  const name = () => (random() < 0.25 ? one(['v0', 'v1', 'v2', 'v3', 'v4', 'v5'], random) : earlier(at, random));
  const size = random() < 0.35 ? 2 + below(2, random) : 1;
  return Array.from({ length: size }, () => relation(name(), random)).join(' | ');
}

function relation(name: string, random: Random): string {
  // What is provided without a version fulfils no bound.
  if (/^v[0-3]$/.test(name) || random() < 0.8) return name;
  return `${name} (${one(['>=', '>=', '>=', '<=', '<<', '='], random)} ${one(versions.slice(0, 3), random)})`;
}

function earlier(at: number, random: Random): string {
  return random() < 0.9 ? `p${below(Math.max(1, at), random)}` : anyName(random);
}

function anyName(random: Random): string {
  return `p${below(count, random)}`;
}
