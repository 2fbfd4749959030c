import type { ChangelogEntry } from './changelog.ts';
import type { ChangeKind, PackageChange } from './diff.ts';
import type { References } from './references.ts';
import type { Sizes } from './sizes.ts';

/** What two sets of packages differ in, for people and programs: an entry of the outcome's `images`. */
export interface DescribedChanges {
  /** One for each binary package, sorted by name. */
  changes: DescribedPackage[];
  /** The same by source package, with what their changelogs say. */
  sources: DescribedSource[];
  size: Sizes;
}

export interface DescribedPackage extends PackageChange {
  source: string;
  /** Of its deb, in bytes; null: not there, or unknown. */
  size: { from: number | null; to: number | null };
  /** In bytes; null: not there, or unknown. */
  installedSize: { from: number | null; to: number | null };
}

export interface DescribedSource extends References {
  source: string;
  /** Source versions; null: it was not there, or is gone. */
  from: string | null;
  to: string | null;
  kind: ChangeKind;
  packages: string[];
  changelog: ChangelogState;
  /** Whether the deb that is not here is one that a lockfile pins. */
  fetchable: boolean;
  /** Why the changelog could not be read, or how to have it; null: there is nothing to say. */
  note: string | null;
  /** The newest first; of a downgrade, those that are taken back. */
  entries: ChangelogEntry[];
}

/**
 * `whole`: all entries between the versions; `cut`: the changelog does not reach back to the older one; `not-here`: the deb is not in the
 * repository; `none`: it has none; `not-needed`: there is nothing between the versions.
 */
export type ChangelogState = 'whole' | 'cut' | 'not-here' | 'none' | 'not-needed';
