import { createHash } from 'node:crypto';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { type LockedPackage, lockedPackage } from '../../src/apt/lockfile/locked-package.ts';
import type { ImageConfig } from '../../src/config/types.ts';

/** Makes a stanza of a Packages index; `extra` fields follow the name, `Filename` and digest are made up from the rest. */
export function stanzaText(name: string, version = '1.0-1', extra: Record<string, string> = {}): string {
  const {
    Architecture = 'armhf',
    Filename = `pool/main/${name[0]}/${name}/${name}_${version}_${Architecture}.deb`,
    ...rest
  } = extra;
  const fields = {
    Package: name,
    Version: version,
    Architecture,
    Maintainer: 'Nobody <nobody@example.org>',
    Description: `sample ${name}`,
    Filename,
    Size: '1234',
    SHA256: createHash('sha256').update(`${name} ${version} ${Architecture}`).digest('hex'),
    ...rest,
  };
  return Object.entries(fields)
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('');
}

export function locked(name: string, version?: string, extra?: Record<string, string>): LockedPackage {
  return lockedPackage(parseStanzas(stanzaText(name, version, extra))[0]!);
}

export function imageConfig(changes: Partial<ImageConfig> = {}): ImageConfig {
  return {
    name: 'panel',
    arch: 'armhf',
    suites: ['bookworm'],
    packages: ['dash'],
    components: ['main'],
    sources: [],
    base: 'essential',
    recommends: false,
    exclude: [],
    debs: [],
    overlay: [],
    run: { unpacked: [], configured: [], finalized: [] },
    mirror: null,
    archives: [],
    version: null,
    kargs: [],
    locale: null,
    timezone: null,
    hostname: null,
    pins: [],
    minimumAge: 0,
    lockfile: '/nonexistent/panel.lock',
    passwd: '/nonexistent/panel.passwd',
    group: '/nonexistent/panel.group',
    ...changes,
  };
}
