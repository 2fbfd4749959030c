import type { LockedDeb } from '../../deb/package.ts';
import { Deb822Error, type Stanza } from '../deb822.ts';

/** One deb that a lockfile pins, with what its stanza says beyond where to get it. */
export interface LockedPackage extends LockedDeb {
  /** Source package, without its version. */
  source: string;
  essential: boolean;
  /** The stanza as the archive published it: `fields.raw` its text, `fields.get('Depends')` one field. */
  fields: Stanza;
}

/**
 * Reads a stanza of a Packages index, and refuses one that could not be built from: the archive is not trusted to name
 * a path outside itself. Throws {@link Deb822Error}.
 */
export function lockedPackage(stanza: Stanza): LockedPackage {
  const name = required(stanza, 'Package', /^[a-z0-9][a-z0-9+.-]+$/, 'a package name');
  return {
    package: name,
    version: required(stanza, 'Version', /^[0-9][A-Za-z0-9.+:~-]*$/, 'a version'),
    architecture: required(stanza, 'Architecture', /^[a-z0-9-]+$/, 'an architecture'),
    filename: required(stanza, 'Filename', relativePath, 'a relative path without ".."'),
    size: Number(required(stanza, 'Size', /^[0-9]{1,15}$/, 'a number of bytes')),
    sha256: required(stanza, 'SHA256', /^[0-9a-f]{64}$/, '64 hexadecimal digits'),
    source: stanza.get('Source')?.replace(/ .*/, '') ?? name,
    essential: stanza.get('Essential') === 'yes',
    fields: stanza,
  };
}

/** Names of virtual packages that a package provides. */
export function provides(locked: LockedPackage): string[] {
  const value = locked.fields.get('Provides') ?? '';
  return value
    .split(',')
    .map((entry) => entry.trim().replace(/[\s(:].*/s, ''))
    .filter((entry) => entry !== '');
}

/** Without blanks and control characters. Segments that begin with a letter or digit: neither absolute nor able to climb; `./` marks a deb of the project's own. */
const relativePath = /^(\.\/)?[A-Za-z0-9][^/\s\\\p{Cc}]*(\/[A-Za-z0-9][^/\s\\\p{Cc}]*)*$/u;

function required(stanza: Stanza, field: string, shape: RegExp, expected: string): string {
  const owner = stanza.get('Package') ?? 'a stanza';
  const value = stanza.get(field);
  if (value === undefined) throw new Deb822Error(stanza.line, `${owner} has no field ${field}`);
  if (!shape.test(value)) {
    throw new Deb822Error(lineOf(stanza, field), `${field} of ${owner} is "${value.slice(0, 80)}", not ${expected}`);
  }
  return value;
}

function lineOf(stanza: Stanza, field: string): number {
  const start = `${field.toLowerCase()}:`;
  const index = stanza.raw.split('\n').findIndex((line) => line.toLowerCase().startsWith(start));
  return stanza.line + Math.max(0, index);
}
