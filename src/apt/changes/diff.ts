import type { LockedPackage } from '../lockfile/locked-package.ts';
import { compareVersions } from '../version.ts';

/** `rebuilt`: the same version with other contents, which an archive should not publish but some do. */
export type ChangeKind = 'added' | 'removed' | 'upgraded' | 'downgraded' | 'rebuilt';

export interface PackageChange {
  package: string;
  /** null: it was not there. */
  from: string | null;
  /** null: it is gone. */
  to: string | null;
  kind: ChangeKind;
}

/** What two packages of one name are compared by. */
export type Versioned = Pick<LockedPackage, 'package' | 'version' | 'sha256'>;

/** How the packages of one lockfile became those of another, sorted by package. */
export function changesBetween(before: readonly Versioned[], after: readonly Versioned[]): PackageChange[] {
  const [old, now] = [byName(before), byName(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.map((name) => change(name, old.get(name), now.get(name))).filter((found) => found !== null);
}

/** One line: `openssl 3.0.16-1 -> 3.0.17-1`. */
export function formatChange({ package: name, from, to, kind }: PackageChange): string {
  if (kind === 'added') return `${name} ${to} added`;
  if (kind === 'removed') return `${name} ${from} removed`;
  return `${name} ${from} -> ${to}${kind === 'upgraded' ? '' : ` (${kind})`}`;
}

function change(name: string, before?: Versioned, after?: Versioned): PackageChange | null {
  const [from, to] = [before?.version ?? null, after?.version ?? null];
  const kind = kindOf(before, after);
  return kind === null ? null : { package: name, from, to, kind };
}

function kindOf(before?: Versioned, after?: Versioned): ChangeKind | null {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  const order = compareVersions(before.version, after.version);
  if (order !== 0) return order < 0 ? 'upgraded' : 'downgraded';
  return before.sha256 === after.sha256 ? null : 'rebuilt';
}

function byName(packages: readonly Versioned[]): Map<string, Versioned> {
  return new Map(packages.map((locked) => [locked.package, locked]));
}
