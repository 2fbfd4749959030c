import type { Xattr } from '../ostree/objects.ts';
import { TarError } from './tar-header.ts';

/** The records of a PAX header, in their order, keys and values as bytes (latin1). */
export type PaxRecords = ReadonlyMap<string, string>;

/** Parses `LENGTH KEY=VALUE\n` (pax(1), "Extended Header"). Values may hold any byte. Throws TarError. */
export function parsePax(body: Buffer): [key: string, value: string][] {
  const records: [string, string][] = [];
  const text = body.toString('latin1');
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(' ', at);
    const length = Number(text.slice(at, space));
    const record = text.slice(space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const sound = space !== -1 && Number.isInteger(length) && length > space - at && text[at + length - 1] === '\n';
    if (!sound || equals < 1) throw new TarError('it has a damaged PAX header');
    records.push([record.slice(0, equals), record.slice(equals + 1)]);
    at += length;
  }
  return records;
}

/** A number of a record that is there. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const value = records.get(key);
  if (value === undefined || value === '') return undefined;
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
    throw new TarError(`its PAX header has ${JSON.stringify(value)} for ${key}`);
  }
  return Number(value);
}

const schily = 'SCHILY.xattr.';
const libarchive = 'LIBARCHIVE.xattr.';

/**
 * The extended attributes that records hold: as star and GNU tar write them, or libarchive (names as in URLs, values in
 * base64), or SELinux's own. Throws TarError for an ACL in its text form: to drop it would widen who may do what.
 */
export function xattrsOf(records: PaxRecords): Xattr[] {
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of records) {
    if (key.startsWith('SCHILY.acl.')) throw new TarError(`it has an ACL (${key}), which cannot be kept`);
    if (key.startsWith(libarchive)) xattrs.set(unescaped(key.slice(libarchive.length)), Buffer.from(value, 'base64'));
  }
  for (const [key, value] of records) {
    if (key.startsWith(schily)) xattrs.set(named(key.slice(schily.length)), Buffer.from(value, 'latin1'));
    if (key === 'RHT.security.selinux') xattrs.set('security.selinux', Buffer.from(`${value}\0`, 'latin1'));
  }
  return [...xattrs].map(([name, value]) => ({ name, value }));
}

/** GNU tar escapes the sign that ends a key, and that with which it does so (xattr_decode_keyword in xheader.c). */
function named(key: string): string {
  return key.replace(/%3D|%25/g, (code) => (code === '%3D' ? '=' : '%'));
}

function unescaped(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
