import path from 'node:path';
import { type ChangelogEntry, parseChangelog } from '../../apt/changes/changelog.ts';
import { type EntryRange, entriesBetween, hasVersion } from '../../apt/changes/changelog-range.ts';
import type { Pinned } from '../../apt/changes/pinned.ts';
import { CommitFiles } from '../../ostree/commit-files.ts';
import { dataRef } from '../import/import-deb.ts';
import { readTextStart } from './changelog-text.ts';

/** What a deb in the build repository says of the changes between two versions. */
export type FoundChanges =
  | ({ state: 'found' } & EntryRange)
  /** A deb that is not in the repository: the one asked for, or another whose documentation it shares. */
  | { state: 'not-here'; deb: Pinned }
  | { state: 'none'; why: string };

export interface VersionRange {
  /** Not included. */
  from: string;
  to: string;
}

/** Bytes of text to read: most changes stand at the beginning of what is long; what is longer than the last is cut there. */
const limits = [16 * 1024, 128 * 1024, 1024 * 1024, 8 * 1024 * 1024];

/** A rebuild's changelog has its one entry. */
const rebuildLimit = 64 * 1024;

/** Packages may link their documentation to another's (Debian Policy, 12.3), seldom over a third. */
const mostLinks = 5;

const docs = '/usr/share/doc';

/** Changelogs of the debs of a lockfile, as the import has kept them. */
export class DebChangelogs {
  readonly #repo: string;
  readonly #packages: ReadonlyMap<string, Pinned>;
  readonly #opened = new Map<string, Promise<CommitFiles | null>>();

  constructor(repo: string, packages: readonly Pinned[]) {
    this.#repo = repo;
    this.#packages = new Map(packages.map((pinned) => [pinned.package, pinned]));
  }

  /** Never throws: a repository that cannot be read is told as the reason. */
  async between(deb: Pinned, range: VersionRange): Promise<FoundChanges> {
    try {
      return await this.#inDirectory(deb, path.posix.join(docs, deb.package), range, mostLinks);
    } catch (error) {
      return { state: 'none', why: `it cannot be read: ${(error as Error).message}` };
    }
  }

  async #inDirectory(deb: Pinned, directory: string, range: VersionRange, links: number): Promise<FoundChanges> {
    const files = await this.#open(deb);
    if (files === null) return { state: 'not-here', deb };
    const found = await files.find(directory);
    if (found?.kind === 'symlink') return this.#follow(deb, linked(directory, found.target), range, links);
    const rebuilds = await this.#rebuilds(files, directory, deb);
    for (const name of ['changelog.Debian.gz', 'changelog.Debian', 'changelog.gz', 'changelog']) {
      const file = path.posix.join(directory, name);
      const entry = await files.find(file);
      if (entry?.kind === 'symlink') {
        return this.#follow(deb, path.posix.dirname(linked(file, entry.target)), range, links);
      }
      if (entry?.kind !== 'file') continue;
      // Without a revision of Debian's, the plain name is the Debian changelog; else it is upstream's, of any format.
      const isDebian = name.startsWith('changelog.Debian');
      const changes = await readChanges(entry, rebuilds, range, (first) => isDebian || first.source === deb.source);
      if (changes !== null) return { state: 'found', ...changes };
    }
    return { state: 'none', why: `${deb.package} has no changelog` };
  }

  #follow(deb: Pinned, directory: string, range: VersionRange, links: number): Promise<FoundChanges> {
    if (links > 0) return this.#inDirectory(this.#ownerOf(directory) ?? deb, directory, range, links - 1);
    return Promise.resolve({ state: 'none', why: `the documentation of ${deb.package} is a link that leads nowhere` });
  }

  #ownerOf(directory: string): Pinned | undefined {
    const [name = ''] = path.posix.relative(docs, directory).split('/');
    return this.#packages.get(name);
  }

  /** A rebuild (binNMU) has an entry of its own, by architecture, so that packages of several can lie together. */
  async #rebuilds(files: CommitFiles, directory: string, { architecture }: Pinned): Promise<ChangelogEntry[]> {
    for (const name of [`changelog.Debian.${architecture}.gz`, `changelog.${architecture}.gz`]) {
      const entry = await files.find(path.posix.join(directory, name));
      if (entry?.kind === 'file') return parseChangelog((await readTextStart(entry, rebuildLimit)).text).entries;
    }
    return [];
  }

  #open({ sha256 }: Pinned): Promise<CommitFiles | null> {
    if (sha256 === null) return Promise.resolve(null);
    let opened = this.#opened.get(sha256);
    if (opened === undefined) {
      opened = CommitFiles.open(this.#repo, dataRef({ sha256 }));
      this.#opened.set(sha256, opened);
    }
    return opened;
  }
}

function linked(link: string, target: string): string {
  return path.posix.resolve(path.posix.dirname(link), target);
}

/** Null when it is not a Debian changelog. Reads no further than to the older version, where that has an entry. */
async function readChanges(
  file: { object: string; size: number },
  rebuilds: readonly ChangelogEntry[],
  { from, to }: VersionRange,
  isWanted: (first: ChangelogEntry) => boolean,
): Promise<EntryRange | null> {
  for (const limit of limits) {
    const { text, whole } = await readTextStart(file, limit);
    const { entries } = parseChangelog(text);
    // The last one may be cut off.
    const known = whole ? entries : entries.slice(0, -1);
    if (entries[0] === undefined || !isWanted(entries[0])) return null;
    const all = [...rebuilds, ...known];
    if (whole || limit === limits.at(-1) || hasVersion(all, from)) return entriesBetween(all, from, to);
  }
  return null;
}
