import { PackageSet } from '../apt/choose/package-set.ts';
import { parseRelations } from '../apt/choose/relations.ts';
import type { LockedPackage } from '../apt/lockfile/locked-package.ts';
import { isLocalOrigin, type Provenance, releaseOf } from '../apt/provenance/provenance.ts';
import type { Distribution } from './distribution.ts';
import { purlOf } from './purl.ts';

/** What an image is made of, before it takes one of the formats. The same image gives the same bill. */
export interface Bill {
  image: BilledImage;
  distribution: Distribution;
  /** ISO 8601 in UTC, whole seconds. */
  created: string;
  /** See {@link billUuid}. */
  uuid: string;
  packages: BilledPackage[];
}

export interface BilledImage {
  name: string;
  version: string;
  /** `<image>/<arch>` in the build repository. */
  ref: string;
  /** Checksum of the ostree commit. */
  commit: string;
  /** sha256 of the lockfile. */
  lockDigest: string;
  /** Of the project's version control; null outside. */
  revision: string | null;
}

export interface BilledPackage {
  locked: LockedPackage;
  purl: string;
  source: { name: string; version: string };
  /** The Maintainer of its stanza; the email is null where what stands in its place is no address. */
  maintainer: { name: string; email: string | null } | null;
  /** First line of its description. */
  summary: string | null;
  /** Null when what its stanza says is no URL, which SPDX does not take. */
  homepage: string | null;
  /** Where its stanza was published, as far as the lockfile's provenance says: `bookworm-security/main`. */
  origin: string | null;
  /** Names of the image's packages that it depends on, sorted. */
  dependsOn: string[];
}

export interface BillInputs {
  image: BilledImage;
  distribution: Distribution;
  packages: readonly LockedPackage[];
  /** Of this lockfile; null when nothing is recorded. */
  provenance: Provenance | null;
  /** Seconds since 1970. */
  time: number;
  uuid: string;
}

export function billOf({ image, distribution, packages, provenance, time, uuid }: BillInputs): Bill {
  const set = new PackageSet(packages);
  return {
    image,
    distribution,
    created: new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z'),
    uuid,
    packages: packages.map((locked) => billed(locked, { set, distribution, provenance })),
  };
}

interface Surroundings {
  set: PackageSet;
  distribution: Distribution;
  provenance: Provenance | null;
}

function billed(locked: LockedPackage, { set, distribution, provenance }: Surroundings): BilledPackage {
  const { fields } = locked;
  const source = sourceOf(locked);
  const origin = provenance?.origins.get(locked.package);
  const release = provenance === null ? undefined : releaseOf(provenance, locked.package);
  const foreign = origin !== undefined && origin.repository !== null;
  return {
    locked,
    purl: purlOf(locked, { source, distribution, vendor: foreign ? (release?.origin ?? null) : undefined }),
    source,
    maintainer: maintainerOf(fields.get('Maintainer')),
    summary: fields.get('Description')?.split('\n')[0] || null,
    homepage: urlOf(fields.get('Homepage')),
    origin: origin === undefined || isLocalOrigin(origin) ? null : `${origin.suite}/${origin.component}`,
    dependsOn: dependenciesOf(locked, set),
  };
}

/** `Source: glibc (2.36-9)`; the version is left out where it is the package's own, and the field where the name is, too. */
function sourceOf({ source: name, version, fields }: LockedPackage): BilledPackage['source'] {
  return { name, version: /\(([^()]+)\)\s*$/.exec(fields.get('Source') ?? '')?.[1] ?? version };
}

function maintainerOf(field: string | undefined): BilledPackage['maintainer'] {
  const [, name, email] = /^([^<]*)(?:<([^<>]+)>)?/.exec(field ?? '') ?? [];
  if (!name?.trim()) return null;
  return { name: name.trim(), email: email !== undefined && /^[^\s@]+@[^\s@]+$/.test(email) ? email : null };
}

function urlOf(field: string | undefined): string | null {
  return field !== undefined && URL.canParse(field) && !/\s/.test(field) ? field : null;
}

function dependenciesOf(locked: LockedPackage, set: PackageSet): string[] {
  const relations = ['Pre-Depends', 'Depends'].flatMap((field) => parseRelations(locked.fields.get(field)).flat());
  const names = relations.flatMap((relation) => set.matching(relation).map((other) => other.package));
  return [...new Set(names)].filter((name) => name !== locked.package).sort();
}
