import { compareVersions } from '../version.ts';
import type { ChangelogEntry } from './changelog.ts';

export interface EntryRange {
  entries: ChangelogEntry[];
  /** Whether the changelog goes back as far as was asked; when not, older entries were cut off it. */
  complete: boolean;
}

/**
 * The entries that lead from one version (not included) to another, the newest first. What is between them is told by their
 * place in the changelog, since a backport's version is lower than those that it contains; by the order of versions only
 * where the older one has no entry, as when a later upload was not built upon it.
 */
export function entriesBetween(entries: readonly ChangelogEntry[], from: string, to: string): EntryRange {
  const start = Math.max(0, indexOf(entries, to));
  const rest = entries.slice(start);
  const exact = indexOf(rest, from);
  const end = exact !== -1 ? exact : rest.findIndex(({ version }) => version !== null && !isNewer(version, from));
  return end === -1 ? { entries: rest, complete: false } : { entries: rest.slice(0, end), complete: true };
}

/** Whether one of the entries is of that version. */
export function hasVersion(entries: readonly ChangelogEntry[], version: string): boolean {
  return indexOf(entries, version) !== -1;
}

function indexOf(entries: readonly ChangelogEntry[], wanted: string): number {
  return entries.findIndex(({ version }) => version !== null && compareVersions(version, wanted) === 0);
}

const isNewer = (version: string, than: string) => compareVersions(version, than) > 0;
