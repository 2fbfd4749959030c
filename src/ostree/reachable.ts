import path from 'node:path';
import pLimit from 'p-limit';
import { bytesIfThere } from '../files/if-there.ts';
import { type MetadataKind, objectName, type SubtreeObjects } from './objects.ts';
import { readDirTree, rootOfCommit } from './read-objects.ts';

/** Metadata objects read at once. */
const readsAtOnce = 16;

/**
 * Names of all objects that commits of a bare repository hold, as `ostree prune` counts them; their detached metadata belong to
 * them. What is missing holds nothing. Throws RangeError for an object that is not what its name says.
 */
export async function reachableFrom(repo: string, commits: Iterable<string>): Promise<Set<string>> {
  const found = new Set<string>();
  const limit = pLimit(readsAtOnce);
  const read = (checksum: string, kind: MetadataKind) =>
    limit(() => bytesIfThere(path.join(repo, 'objects', objectName(checksum, kind))));
  const isNew = (name: string) => !found.has(name) && found.add(name);
  const directory = async ({ tree, meta }: SubtreeObjects): Promise<void> => {
    found.add(objectName(meta, 'dirmeta'));
    if (!isNew(objectName(tree, 'dirtree'))) return;
    const bytes = await read(tree, 'dirtree');
    if (bytes === null) return;
    const { files, directories } = readDirTree(bytes);
    for (const file of files) found.add(objectName(file, 'file'));
    await Promise.all(directories.map(directory));
  };
  const commit = async (checksum: string): Promise<void> => {
    if (!isNew(objectName(checksum, 'commit'))) return;
    found.add(objectName(checksum, 'commit').replace(/commit$/, 'commitmeta'));
    const bytes = await read(checksum, 'commit');
    if (bytes !== null) await directory(rootOfCommit(bytes));
  };
  await Promise.all([...commits].map(commit));
  return found;
}
