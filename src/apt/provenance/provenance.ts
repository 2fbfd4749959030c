import type { LockedPackage } from '../lockfile/locked-package.ts';

/** The state of one suite at which a lockfile was made. */
export interface RecordedRelease {
  /** Base URL of a source as lockstep.yml has it; null: the image's own archive, from whichever mirror. */
  repository: string | null;
  /** As lockstep.yml names it: `bookworm-security`. */
  suite: string;
  /** What its Release file says of itself; null for what it leaves out. */
  origin: string | null;
  label: string | null;
  /** The Release file's `Suite`, which changes when a suite becomes oldstable. */
  archive: string | null;
  codename: string | null;
  version: string | null;
  /** Its `Date`, as written there: `Sat, 11 Jul 2026 10:16:37 UTC`. */
  date: string;
  /** Of the bytes of the InRelease file, or of Release where there is none, in hexadecimal. */
  sha256: string;
  /** Fingerprints of the (primary) keys whose signatures of it are good, by the keyring that it was checked against. */
  signers: string[];
}

/** Where a package's stanza was published. */
export type PackageOrigin = ArchiveOrigin | LocalOrigin;

export interface ArchiveOrigin {
  /** See {@link RecordedRelease}. */
  repository: string | null;
  suite: string;
  component: string;
}

/** A deb of the project's own, of `debs:`. */
export interface LocalOrigin {
  repository: './';
}

/** What `<image>.provenance` says. */
export interface Provenance {
  /** sha256 of the bytes of the lockfile that it was written with. */
  lockDigest: string;
  /** The image's own suites in the order of lockstep.yml, then those of its sources. */
  releases: RecordedRelease[];
  /** By name of the package. */
  origins: ReadonlyMap<string, PackageOrigin>;
}

export function isLocalOrigin(origin: PackageOrigin): origin is LocalOrigin {
  return origin.repository === './';
}

/** The release that a package came from; undefined for a local deb. */
export function releaseOf(provenance: Provenance, name: string): RecordedRelease | undefined {
  const origin = provenance.origins.get(name);
  if (origin === undefined || isLocalOrigin(origin)) return undefined;
  return provenance.releases.find((release) => releaseKey(release) === releaseKey(origin));
}

/** What tells the releases of an image apart. */
export function releaseKey({ repository, suite }: Pick<RecordedRelease, 'repository' | 'suite'>): string {
  return repository === null ? suite : `${repository} ${suite}`;
}

/** Whether each of the packages comes from where it is said to come from, and nothing else is said. */
export function hasOrigins(recorded: Provenance, origins: ReadonlyMap<string, PackageOrigin>): boolean {
  const key = (origin: PackageOrigin | undefined) => JSON.stringify(origin, ['repository', 'suite', 'component']);
  return (
    recorded.origins.size === origins.size &&
    [...origins].every(([name, origin]) => key(origin) === key(recorded.origins.get(name)))
  );
}

/** Whether it names every package of a lockfile. */
export function covers({ origins }: Provenance, packages: readonly LockedPackage[]): boolean {
  return packages.length === origins.size && packages.every((locked) => origins.has(locked.package));
}
