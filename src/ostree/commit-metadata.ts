import { readFile } from 'node:fs/promises';
import { decodeDictionary } from './gvariant.ts';
import { commitFile } from './signing.ts';

/** The strings among a commit's metadata, such as `version`; null when the repository has no such commit. */
export async function readCommitMetadata(repo: string, commit: string): Promise<Map<string, string> | null> {
  const bytes = await readFile(commitFile(repo, commit)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return null;
  const strings = [...decodeDictionary(metadataOf(bytes))].filter(([, { type }]) => type === 's');
  return new Map(strings.map(([key, { data }]) => [key, data.toString('utf8', 0, data.length - 1)]));
}

/**
 * A commit is `(a{sv}aya(say)sstayay)` (ostree-core.h). The ends of a tuple's members stand behind it in reverse order: the
 * very last is that of the first.
 */
function metadataOf(commit: Buffer): Buffer {
  const size = commit.length <= 0xff ? 1 : commit.length <= 0xffff ? 2 : 4;
  return commit.subarray(0, commit.readUIntLE(commit.length - size, size));
}
