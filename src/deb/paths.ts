import { isUtf8 } from 'node:buffer';
import { badFormat, hostile, type LockedDeb, printable } from './package.ts';

/** Top-level directories that are links into /usr on a merged system (Debian since bookworm has no other). */
const mergedIntoUsr: ReadonlySet<string> = new Set(['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libo32']);

/** Linux takes no longer path, link target (PATH_MAX, less the NUL) or name (NAME_MAX). */
const longestPath = 4095;
const longestName = 255;

/**
 * A name out of a tar as components below the root, none for the root itself. Throws E_DEB_HOSTILE for absolute names
 * and `..`, E_DEB_FORMAT for what dpkg's file lists (line breaks), ostree (other than UTF-8) or file systems cannot hold.
 */
export function componentsOf(name: string, deb: LockedDeb): string[] {
  if (name.startsWith('/')) throw hostile(deb, name, 'an absolute path');
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw hostile(deb, name, 'a path that climbs out by ".."');
  if (name.length > longestPath) throw badFormat(deb, `it has a path of ${name.length} bytes`);
  const long = components.find((component) => component.length > longestName);
  if (long !== undefined) throw badFormat(deb, `${printable(name)} has a name of ${long.length} bytes`);
  if (name.includes('\n')) throw badFormat(deb, `${printable(name)} has a line break in its name`);
  checkEncoding(name, deb);
  return components;
}

/** Throws E_DEB_FORMAT for a symbolic link's target that no link can have. */
export function checkTarget({ name, linkname }: { name: string; linkname: string }, deb: LockedDeb): void {
  if (linkname === '') throw badFormat(deb, `${printable(name)} is a link to nothing`);
  if (linkname.length > longestPath)
    throw badFormat(deb, `${printable(name)} is a link to a path of ${linkname.length} bytes`);
  checkEncoding(linkname, deb);
}

/** ostree stores names and link targets as UTF-8 alone, ended by a NUL. */
function checkEncoding(name: string, deb: LockedDeb): void {
  const bytes = Buffer.from(name, 'latin1');
  if (bytes.includes(0)) throw badFormat(deb, `the name ${printable(name)} holds a NUL`);
  if (!isUtf8(bytes)) throw badFormat(deb, `the name ${printable(name)} (${bytes.toString('hex')}) is not UTF-8`);
}

/** Where a path of a deb lies on a merged system: `bin/sh` is `usr/bin/sh`. */
export function mergeUsr(components: readonly string[]): string[] {
  return isMergedDirectory(components.slice(0, 1)) ? ['usr', ...components] : [...components];
}

/** Whether a path is one of those top-level directories itself. */
export function isMergedDirectory(components: readonly string[]): boolean {
  return components.length === 1 && mergedIntoUsr.has(components[0] ?? '');
}
