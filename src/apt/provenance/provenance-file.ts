import { z } from 'zod';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { textIfThere } from '../../files/if-there.ts';
import { Deb822Error, formatStanzas, parseStanzas, Stanza } from '../deb822.ts';
import { isLocalOrigin, type PackageOrigin, type Provenance, type RecordedRelease } from './provenance.ts';

/** Beside the lockfile: `panel.lock` has `panel.provenance`. */
export function provenanceFile({ lockfile }: Pick<ImageConfig, 'lockfile'>): string {
  return `${lockfile.replace(/\.lock$/, '')}.provenance`;
}

/**
 * What is recorded of an image's packages; null when nothing is, as with lockfiles that lockstep did not make. Throws
 * E_PROVENANCE_SYNTAX. It may be of another lockfile than the one that is there: compare `lockDigest`.
 */
export async function readProvenance(image: Pick<ImageConfig, 'lockfile'>): Promise<Provenance | null> {
  const file = provenanceFile(image);
  const text = await textIfThere(file);
  return text === null ? null : parseProvenance(text, file);
}

/**
 * Reads the deb822 text that {@link formatProvenance} writes. @param file what it is called in errors. Throws
 * E_PROVENANCE_SYNTAX.
 */
export function parseProvenance(text: string, file: string): Provenance {
  try {
    const stanzas = parseStanzas(text);
    const head = stanzas.find((stanza) => stanza.get('Lockfile-SHA256') !== undefined);
    if (head === undefined) throw new Deb822Error(1, 'no stanza has the field Lockfile-SHA256');
    const checked = digest.safeParse(head.get('Lockfile-SHA256'));
    if (!checked.success) throw new Deb822Error(head.line, 'Lockfile-SHA256 is not 64 hexadecimal digits');
    return {
      lockDigest: checked.data,
      releases: stanzas.filter((stanza) => stanza.get('Date') !== undefined).map(releaseIn),
      origins: originsIn(stanzas.filter((stanza) => stanza.get('Packages') !== undefined)),
    };
  } catch (error) {
    if (!(error instanceof Deb822Error)) throw error;
    throw new LockstepError('E_PROVENANCE_SYNTAX', `${file}:${error.line}: ${error.message}`, {
      hint: 'restore it from version control, or make it anew with `lockstep update`',
    });
  }
}

/** A stanza for each release, then one for each component that packages came from, with their names line by line. */
export function formatProvenance({ lockDigest, releases, origins }: Provenance): string {
  const lists = new Map<string, string[]>();
  for (const [name, origin] of [...origins].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const head = headOf(origin);
    lists.set(head, [...(lists.get(head) ?? []), name]);
  }
  const known = [...releases.map(placeOf), ''];
  const order = (text: string) => known.findIndex((place) => text.startsWith(place));
  const components = [...lists].sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1));
  return formatStanzas(
    [
      `Lockfile-SHA256: ${lockDigest}`,
      ...releases.map(releaseText),
      ...components.map(([head, names]) => `${head}Packages:${listText(names)}`),
    ].map((text) => new Stanza(text)),
  );
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const word = z.string().regex(/^\S+$/);

const releaseShape = z.object({
  repository: word.nullable(),
  suite: word,
  date: z.string().refine((date) => !Number.isNaN(Date.parse(date)), 'not a date'),
  sha256: digest,
  signers: z.array(z.string().regex(/^[0-9A-F]{40}(?:[0-9A-F]{24})?$/)),
});

function releaseIn(stanza: Stanza): RecordedRelease {
  const get = (name: string) => stanza.get(name) ?? null;
  const checked = releaseShape.safeParse({
    repository: get('Repository'),
    suite: get('Suite'),
    date: get('Date'),
    sha256: get('InRelease-SHA256'),
    signers: linesOf(stanza, 'Signed-By'),
  });
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Deb822Error(
      stanza.line,
      `the release of a suite has no proper ${String(issue?.path[0])}: ${issue?.message}`,
    );
  }
  const said = { origin: get('Origin'), label: get('Label'), archive: get('Archive'), codename: get('Codename') };
  return { ...checked.data, ...said, version: get('Version') };
}

function originsIn(stanzas: readonly Stanza[]): Map<string, PackageOrigin> {
  const origins = new Map<string, PackageOrigin>();
  for (const stanza of stanzas) {
    const origin = originIn(stanza);
    for (const name of linesOf(stanza, 'Packages')) {
      if (origins.has(name)) throw new Deb822Error(stanza.line, `${name} is there twice`);
      origins.set(name, origin);
    }
  }
  return origins;
}

function originIn(stanza: Stanza): PackageOrigin {
  const [repository, suite, component] = ['Repository', 'Suite', 'Component'].map((name) => stanza.get(name));
  if (repository === './') return { repository };
  if (suite === undefined || component === undefined) {
    throw new Deb822Error(stanza.line, 'packages without the fields Suite and Component');
  }
  return { repository: repository ?? null, suite, component };
}

function headOf(origin: PackageOrigin): string {
  return isLocalOrigin(origin) ? 'Repository: ./\n' : `${placeOf(origin)}Component: ${origin.component}\n`;
}

function placeOf({ repository, suite }: Pick<RecordedRelease, 'repository' | 'suite'>): string {
  return `${repository === null ? '' : `Repository: ${repository}\n`}Suite: ${suite}\n`;
}

function releaseText(release: RecordedRelease): string {
  const { origin, label, archive, codename, version, date, sha256, signers } = release;
  const said = { Origin: origin, Label: label, Archive: archive, Codename: codename, Version: version };
  const fields = Object.entries({ ...said, Date: date, 'InRelease-SHA256': sha256 });
  const lines = fields.filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\n`);
  return `${placeOf(release)}${lines.join('')}Signed-By:${listText(signers)}`;
}

function listText(words: readonly string[]): string {
  return words.map((entry) => `\n ${entry}`).join('');
}

function linesOf(stanza: Stanza, field: string): string[] {
  return (stanza.get(field) ?? '').split(/\s+/).filter(Boolean);
}
