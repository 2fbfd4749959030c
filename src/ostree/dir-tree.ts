import { elements, memberEnds } from './gvariant.ts';

/** What a dirtree object names. Names hold one character for each byte (latin1). */
export interface DirTree {
  /** Checksums of files and links by name. */
  files: Map<string, string>;
  /** Checksums of the dirtrees of subdirectories by name. */
  directories: Map<string, string>;
}

/** Reads a dirtree object with its names, `(a(say)a(sayay))`. Throws RangeError when it is none. */
export function namedDirTree(bytes: Buffer): DirTree {
  const [[filesEnd = 0], end] = memberEnds(bytes, 1);
  return {
    files: new Map(elements(bytes.subarray(0, filesEnd), 1).map((entry) => named(entry, 1))),
    directories: new Map(elements(bytes.subarray(filesEnd, end), 1).map((entry) => named(entry, 2))),
  };
}

/** A name, ended by a NUL, and the checksum behind it. */
function named(entry: Buffer, ends: 1 | 2): [string, string] {
  const [[nameEnd = 0, treeEnd], end] = memberEnds(entry, ends);
  return [entry.toString('latin1', 0, nameEnd - 1), entry.toString('hex', nameEnd, treeEnd ?? end)];
}
