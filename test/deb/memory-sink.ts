import { createHash } from 'node:crypto';
import type { Directory } from '../../src/ostree/directory.ts';
import type { FileSink, ObjectSink } from '../../src/ostree/object-sink.ts';
import { type Attributes, checksumOf, fileHeader, type MetadataKind, symlinkHeader } from '../../src/ostree/objects.ts';

interface Held {
  attributes: Attributes;
  /** Of a file; null where it was all a hole. */
  content: Buffer;
  /** Bytes of holes. */
  holes: number;
  target: string | null;
}

/** Keeps objects in memory, by their checksums. */
export class MemorySink implements ObjectSink {
  readonly held = new Map<string, Held>();
  readonly metadataKinds = new Map<string, MetadataKind>();

  file(attributes: Attributes, size: number): FileSink {
    const parts: Buffer[] = [];
    let holes = 0;
    let length = 0;
    const hash = createHash('sha256').update(fileHeader(attributes));
    const take = (bytes: Buffer) => {
      hash.update(bytes);
      length += bytes.length;
    };
    return {
      write: (bytes) => {
        take(bytes);
        parts.push(Buffer.from(bytes));
      },
      hole: (count) => {
        holes += count;
        for (let left = count; left > 0; left -= 1 << 20) take(Buffer.alloc(Math.min(left, 1 << 20)));
        if (count < 1 << 24) parts.push(Buffer.alloc(count));
      },
      end: () => {
        if (length !== size) throw new Error(`${length} bytes came of ${size}`);
        const checksum = hash.digest('hex');
        this.held.set(checksum, { attributes, content: Buffer.concat(parts), holes, target: null });
        return checksum;
      },
    };
  }

  symlink(attributes: Attributes, target: string): string {
    const checksum = checksumOf(symlinkHeader(attributes, target));
    this.held.set(checksum, { attributes, content: Buffer.alloc(0), holes: 0, target });
    return checksum;
  }

  metadata(kind: MetadataKind, bytes: Buffer): string {
    const checksum = checksumOf(bytes);
    this.metadataKinds.set(checksum, kind);
    return checksum;
  }

  /** What is at a path of a tree, as text. */
  at(root: Directory, path: string): Held {
    const names = Buffer.from(path).toString('latin1').split('/');
    const parents = names.slice(0, -1);
    const directory = parents.reduce<Directory | undefined>((parent, name) => parent?.directories.get(name), root);
    const held = this.held.get(directory?.files.get(names.at(-1) ?? '')?.checksum ?? '');
    if (held === undefined) throw new Error(`there is no ${path}`);
    return held;
  }

  /** Every entry of a tree: kind and mode, owner, path, target; directories before what they hold, else by name. */
  list(root: Directory): string[] {
    return this.#lines(root, '.').map((line) => Buffer.from(line, 'latin1').toString());
  }

  #lines({ attributes, files, directories }: Directory, path: string): string[] {
    const lines = [`d${owned(attributes)} ${path}/`];
    for (const name of [...files.keys(), ...directories.keys()].sort()) {
      const directory = directories.get(name);
      if (directory !== undefined) lines.push(...this.#lines(directory, `${path}/${name}`));
      const held = this.held.get(files.get(name)?.checksum ?? '');
      if (held?.target === null) lines.push(`-${owned(held.attributes)} ${path}/${name}`);
      else if (held !== undefined) lines.push(`l${owned(held.attributes)} ${path}/${name} -> ${held.target}`);
    }
    return lines;
  }
}

function owned({ mode, uid, gid }: Attributes): string {
  return `${mode.toString(8)} ${uid}/${gid}`;
}
