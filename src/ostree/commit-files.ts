import { lstat, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { type DirTree, namedDirTree } from './dir-tree.ts';
import { objectName } from './objects.ts';
import { rootOfCommit } from './read-objects.ts';

/** What stands at a path of a commit. */
export type CommitEntry =
  | { kind: 'file' /** Absolute path of the object in the repository. */; object: string; size: number }
  | { kind: 'symlink'; target: string }
  | { kind: 'directory' };

/**
 * The files of a commit in a `bare` repository, read by this process and not through the toolbox, whose start would take
 * longer than the whole reading: metadata objects and refs can be read by everybody, and so can most files.
 */
export class CommitFiles {
  readonly #repo: string;
  readonly #root: DirTree;
  readonly #read = new Map<string, Promise<DirTree>>();

  private constructor(repo: string, root: DirTree) {
    this.#repo = repo;
    this.#root = root;
  }

  /** Null when the repository has no such ref. Throws as `fs` does, RangeError when an object is damaged. */
  static async open(repo: string, ref: string): Promise<CommitFiles | null> {
    const commit = await readFile(path.join(repo, 'refs/heads', ref), 'utf8').catch(unlessMissing);
    if (commit === null) return null;
    const { tree } = rootOfCommit(await readFile(metadataFile(repo, commit.trim(), 'commit')));
    return new CommitFiles(repo, await dirTree(repo, tree));
  }

  /** What an absolute path names, without following links; null when nothing is there. Throws as `open` does. */
  async find(file: string): Promise<CommitEntry | null> {
    const names = file.split('/').filter((name) => name !== '');
    let directory = this.#root;
    for (const name of names.slice(0, -1)) {
      const next = directory.directories.get(name);
      if (next === undefined) return null;
      directory = await this.#directory(next);
    }
    const last = names.at(-1) ?? '';
    if (last === '' || directory.directories.has(last)) return { kind: 'directory' };
    const checksum = directory.files.get(last);
    return checksum === undefined ? null : contentEntry(path.join(this.#repo, 'objects', objectName(checksum, 'file')));
  }

  #directory(checksum: string): Promise<DirTree> {
    let tree = this.#read.get(checksum);
    if (tree === undefined) {
      tree = dirTree(this.#repo, checksum);
      this.#read.set(checksum, tree);
    }
    return tree;
  }
}

async function contentEntry(object: string): Promise<CommitEntry> {
  const status = await lstat(object);
  if (status.isSymbolicLink()) return { kind: 'symlink', target: await readlink(object, 'latin1') };
  return { kind: 'file', object, size: status.size };
}

async function dirTree(repo: string, checksum: string): Promise<DirTree> {
  return namedDirTree(await readFile(metadataFile(repo, checksum, 'dirtree')));
}

function metadataFile(repo: string, checksum: string, kind: 'commit' | 'dirtree'): string {
  return path.join(repo, 'objects', objectName(checksum, kind));
}

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
