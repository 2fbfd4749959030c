import type { Stanza } from '../deb822.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';

/** A binary package as a lockfile pins it, or as a device has it. */
export interface Pinned {
  package: string;
  version: string;
  source: string;
  /**
   * The version that changelogs count by: the source's, which may differ from the package's own, and of a rebuild (binNMU) with
   * its suffix.
   */
  sourceVersion: string;
  architecture: string;
  /** Of the deb; null: unknown, as on a device. */
  sha256: string | null;
  /** Of the deb, in bytes; null: unknown. */
  size: number | null;
  /** What it takes when it is installed, in bytes; null: its stanza does not say. */
  installedSize: number | null;
}

/** What a stanza of a lockfile says of it. */
export function pinnedOf(locked: LockedPackage): Pinned {
  const { package: name, version, source, architecture, sha256, size, fields } = locked;
  const described = { sourceVersion: sourceVersionOf(fields, version), installedSize: installedSizeOf(fields) };
  return { package: name, version, source, architecture, sha256, size, ...described };
}

/**
 * The version in brackets behind the source's name, where it is another than the package's (deb-control(5)). A rebuild's version ends with
 * `+b` and its number (deb-version(7) leaves that to the archive); its source's does not.
 */
export function sourceVersionOf(stanza: Stanza, version: string): string {
  const source = /\(([^()\s]+)\)/.exec(stanza.get('Source') ?? '')?.[1] ?? version;
  const rebuild = /\+b\d+$/.exec(version)?.[0] ?? '';
  return source.endsWith(rebuild) ? source : source + rebuild;
}

/** Installed-Size counts in units of 1024 bytes (deb-control(5)). */
export function installedSizeOf(stanza: Stanza): number | null {
  const value = stanza.get('Installed-Size');
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) * 1024 : null;
}
