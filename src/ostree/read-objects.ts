import { elements, memberEnds } from './gvariant.ts';
import type { SubtreeObjects } from './objects.ts';

const checksumLength = 32;

/** What a dirtree object names: checksums of files and of subdirectories, without their names. */
export interface DirTreeChecksums {
  files: string[];
  directories: SubtreeObjects[];
}

/** The root of a commit object, `(a{sv}aya(say)sstayay)`. Throws RangeError when it is none. */
export function rootOfCommit(bytes: Buffer): SubtreeObjects {
  const [ends, end] = memberEnds(bytes, 6);
  return subtree(bytes, ends[5] ?? 0, end);
}

/** Reads a dirtree object, `(a(say)a(sayay))`. Throws RangeError when it is none. */
export function readDirTree(bytes: Buffer): DirTreeChecksums {
  const [[filesEnd = 0], end] = memberEnds(bytes, 1);
  const files = elements(bytes.subarray(0, filesEnd), 1).map((entry) => {
    const [[nameEnd = 0], entryEnd] = memberEnds(entry, 1);
    return checksum(entry.subarray(nameEnd, entryEnd));
  });
  const directories = elements(bytes.subarray(filesEnd, end), 1).map((entry) => {
    const [[, treeEnd = 0], entryEnd] = memberEnds(entry, 2);
    return subtree(entry, treeEnd, entryEnd);
  });
  return { files, directories };
}

/** The checksum that ends at `treeEnd`, and the one behind it. */
function subtree(bytes: Buffer, treeEnd: number, end: number): SubtreeObjects {
  const tree = checksum(bytes.subarray(Math.max(0, treeEnd - checksumLength), treeEnd));
  return { tree, meta: checksum(bytes.subarray(treeEnd, end)) };
}

function checksum(bytes: Buffer): string {
  if (bytes.length !== checksumLength) throw new RangeError('not a checksum');
  return bytes.toString('hex');
}
