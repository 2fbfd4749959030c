import { bytesIfThere } from '../files/if-there.ts';
import { decodeDictionary, memberEnds } from './gvariant.ts';
import { commitFile } from './signing.ts';

/** The strings among a commit's metadata, such as `version`; null when the repository has no such commit. */
export async function readCommitMetadata(repo: string, commit: string): Promise<Map<string, string> | null> {
  const bytes = await bytesIfThere(commitFile(repo, commit));
  if (bytes === null) return null;
  const strings = [...decodeDictionary(metadataOf(bytes))].filter(([, { type }]) => type === 's');
  return new Map(strings.map(([key, { data }]) => [key, data.toString('utf8', 0, data.length - 1)]));
}

/** A commit's first line; null when the repository has no such commit. */
export async function readCommitSubject(repo: string, commit: string): Promise<string | null> {
  const bytes = await bytesIfThere(commitFile(repo, commit));
  if (bytes === null) return null;
  const [[, , start = 0, end = 1]] = memberEnds(bytes, 4);
  return bytes.toString('utf8', start, end - 1);
}

/**
 * A commit is `(a{sv}aya(say)sstayay)` (ostree-core.h). The ends of a tuple's members stand behind it in reverse order: the
 * very last is that of the first.
 */
function metadataOf(commit: Buffer): Buffer {
  const size = commit.length <= 0xff ? 1 : commit.length <= 0xffff ? 2 : 4;
  return commit.subarray(0, commit.readUIntLE(commit.length - size, size));
}
