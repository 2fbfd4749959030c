import type { ObjectSink } from './object-sink.ts';
import { type Attributes, dirMeta, dirTree, type SubtreeObjects } from './objects.ts';

/** A directory of a tree that is being made. Names hold one character for each byte (latin1). */
export class Directory {
  readonly files = new Map<string, FileEntry>();
  readonly directories = new Map<string, Directory>();
  attributes: Attributes = defaultAttributes;

  /** The directory of that name in this one, made if there is none. */
  enter(name: string): Directory {
    const known = this.directories.get(name);
    if (known !== undefined) return known;
    const made = new Directory();
    this.directories.set(name, made);
    return made;
  }

  /** Writes the dirtree and dirmeta objects of this directory and of all below. */
  write(sink: ObjectSink): SubtreeObjects {
    const subtrees = new Map<string, SubtreeObjects>();
    for (const [name, directory] of this.directories) subtrees.set(name, directory.write(sink));
    const checksums = new Map([...this.files].map(([name, { checksum }]) => [name, checksum]));
    const tree = sink.metadata('dirtree', dirTree(checksums, subtrees));
    return { tree, meta: sink.metadata('dirmeta', dirMeta(this.attributes)) };
  }
}

export interface FileEntry {
  kind: 'file' | 'symlink';
  checksum: string;
}

/** Of directories that nobody described. */
const defaultAttributes: Attributes = { uid: 0, gid: 0, mode: 0o755, xattrs: [] };
