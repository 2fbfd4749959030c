import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import { objectName, type SubtreeObjects } from './objects.ts';
import { readDirTree, rootOfCommit } from './read-objects.ts';

/** Content objects that one commit has and another has not. */
export interface NewContent {
  checksums: string[];
  /** Of their content together, uncompressed. */
  bytes: number;
}

/** What a device that has `from` whole lacks of `to`, in a bare repository that has both. Directories that are the same are not read. */
export async function newContent(repo: string, from: string, to: string): Promise<NewContent> {
  const [known, fresh] = [nothingSeen(), nothingSeen()];
  const roots = await Promise.all([from, to].map((commit) => rootOf(repo, commit)));
  await walk(repo, roots[0]!, known, () => false);
  await walk(repo, roots[1]!, fresh, (tree) => known.trees.has(tree));
  const checksums = [...fresh.files].filter((file) => !known.files.has(file));
  const sizes = await Promise.all(checksums.map((checksum) => contentSize(repo, checksum)));
  return { checksums, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** The objects of a commit, itself excepted, in the order of its tree. */
export async function objectsOf(repo: string, commit: string): Promise<Readonly<Seen>> {
  const seen = nothingSeen();
  await walk(repo, await rootOf(repo, commit), seen, () => false);
  return seen;
}

interface Seen {
  files: Set<string>;
  trees: Set<string>;
  metas: Set<string>;
}

function nothingSeen(): Seen {
  return { files: new Set(), trees: new Set(), metas: new Set() };
}

async function rootOf(repo: string, commit: string): Promise<SubtreeObjects> {
  return rootOfCommit(await object(repo, commit, 'commit'));
}

async function walk(repo: string, root: SubtreeObjects, seen: Seen, isKnown: (tree: string) => boolean): Promise<void> {
  const left = [root];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { tree, meta } = next;
    seen.metas.add(meta);
    if (seen.trees.has(tree) || isKnown(tree)) continue;
    seen.trees.add(tree);
    const { files, directories } = readDirTree(await object(repo, tree, 'dirtree'));
    for (const file of files) seen.files.add(file);
    left.push(...directories);
  }
}

async function object(repo: string, checksum: string, kind: 'commit' | 'dirtree'): Promise<Buffer> {
  const file = path.join(repo, 'objects', objectName(checksum, kind));
  return readFile(file).catch((cause) => {
    throw new LockstepError('E_REPO', `cannot read ${file}: ${cause.message}`, { cause });
  });
}

/** Of a content object, in bytes: 0 of a link, and of one that is missing, which whoever asks for it is told. */
async function contentSize(repo: string, checksum: string): Promise<number> {
  const file = path.join(repo, 'objects', objectName(checksum, 'file'));
  return lstat(file).then(
    (status) => (status.isFile() ? status.size : 0),
    () => 0,
  );
}
