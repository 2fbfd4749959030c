import type { Pinned } from './pinned.ts';

/** Bytes of two sets of packages. Null: unknown of one of the packages, as sizes of debs are on a device. */
export interface Sizes {
  /** All debs. */
  download: { from: number | null; to: number | null };
  /** All packages, installed; those that do not say it count as nothing. */
  installed: { from: number; to: number };
  /** The debs that the first set does not have. */
  new: number | null;
}

export function sizesOf(before: readonly Pinned[], after: readonly Pinned[]): Sizes {
  const had = new Set(before.map(({ sha256 }) => sha256));
  const isKnown = before.every(({ sha256 }) => sha256 !== null);
  return {
    download: { from: total(before), to: total(after) },
    installed: { from: installed(before), to: installed(after) },
    new: isKnown ? total(after.filter(({ sha256 }) => !had.has(sha256))) : null,
  };
}

function total(packages: readonly Pinned[]): number | null {
  return packages.reduce<number | null>((sum, { size }) => (sum === null || size === null ? null : sum + size), 0);
}

function installed(packages: readonly Pinned[]): number {
  return packages.reduce((sum, { installedSize }) => sum + (installedSize ?? 0), 0);
}
