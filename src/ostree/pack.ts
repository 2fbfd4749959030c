import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { ContentReader } from './content-reader.ts';
import { encodeDictionary } from './gvariant.ts';
import { array, byte, byteArray, nativeUint32, nativeUint64, tuple, uint64, type Value } from './gvariant-values.ts';
import { objectsOf } from './new-content.ts';
import { type MetadataKind, objectName } from './objects.ts';
import type { PackContent } from './pack-content.ts';
import { PartBuilder, type PartLayout, type Piece, sealedSize } from './pack-part.ts';
import { commitFile } from './signing.ts';

/** Bytes of objects that a part is filled up to: what a cut link can make a device ask for again. */
const partSize = 1024 * 1024;

/**
 * Files above this travel as objects of their own, since a device maps a part into memory whole, up to four at a time. So do those, from
 * another size on, that only root may read: the agent has them in memory.
 */
const largest = { readable: 32 * 1024 * 1024, others: 1024 * 1024 };

/** Objects of one kind whose attributes are asked for at once. */
const batch = 1000;

/** All objects of a commit, as a static delta from nothing would bring them. */
export interface PackLayout {
  superblock: Buffer;
  parts: PartLayout[];
}

/**
 * Lays out a static delta from nothing that holds whole objects as they are. An empty device asks for hundreds of parts then instead of
 * ten thousand objects, each of which costs it a request, a temporary file and a decompression; and nothing needs to be compressed here.
 * All objects are read, since a part goes by its checksum; whether they are what their names say, the device sees. Throws E_REPO.
 */
export async function layOutPack(
  repo: string,
  commit: string,
  reader: ContentReader,
  content: PackContent,
): Promise<PackLayout> {
  const { files, trees, metas } = await objectsOf(repo, commit);
  const parts = new Parts();
  for (const checksum of trees) parts.metadata('dirtree', checksum, await metadataSize(repo, checksum, 'dirtree'));
  for (const checksum of metas) parts.metadata('dirmeta', checksum, await metadataSize(repo, checksum, 'dirmeta'));
  const large: { checksum: string; size: number }[] = [];
  const checksums = [...files];
  for (let start = 0; start < checksums.length; start += batch) {
    const some = checksums.slice(start, start + batch);
    const objects = await Promise.all(some.map((checksum) => reader.describe(checksum)));
    for (const [index, object] of objects.entries()) {
      const checksum = some[index] ?? '';
      if (object === null) throw damaged(repo, `object ${checksum} is missing`);
      if (object.size > (content.isReadable(checksum) ? largest.readable : largest.others))
        large.push({ checksum, size: object.size });
      else parts.content(checksum, object);
    }
  }
  const layouts = parts.finish();
  const summaries: PartSummary[] = [];
  for (const layout of layouts) summaries.push(await summaryOf(layout, content));
  const bytes = await readFile(commitFile(repo, commit));
  return { superblock: superblock(commit, bytes, summaries, large), parts: layouts };
}

/** Parts that are full, and the one that is being filled. */
class Parts {
  readonly #full: PartLayout[] = [];
  #current = new PartBuilder();

  metadata(...object: Parameters<PartBuilder['metadata']>): void {
    this.#current.metadata(...object);
    this.#cut(partSize);
  }

  content(...object: Parameters<PartBuilder['content']>): void {
    // A large one stands alone.
    if (object[1].size > partSize) this.#cut(1);
    this.#current.content(...object);
    this.#cut(partSize);
  }

  finish(): PartLayout[] {
    this.#cut(0);
    return this.#full;
  }

  /** Begins another part when this one has so many bytes. */
  #cut(size: number): void {
    if (this.#current.isEmpty || this.#current.length < size) return;
    this.#full.push(this.#current.finish());
    this.#current = new PartBuilder();
  }
}

/** What a superblock says of a part. */
interface PartSummary {
  /** sha256 of the part as it is sent. */
  digest: Buffer;
  /** Of that, in bytes. */
  size: number;
  /** Bytes of the objects. */
  objectBytes: number;
  /** Kind (one byte) and checksum of each object. */
  objects: Buffer;
}

/** ostree's numbers (`OstreeObjectType`). */
const typeNumbers: Readonly<Record<Piece['kind'], number>> = { file: 1, link: 1, dirtree: 2, dirmeta: 3, commit: 4 };

async function summaryOf(layout: PartLayout, content: PackContent): Promise<PartSummary> {
  const { pieces } = layout;
  const hash = createHash('sha256');
  for await (const bytes of content.part(layout)) hash.update(bytes);
  const objects = pieces.map(({ kind, checksum }) =>
    Buffer.concat([Buffer.from([typeNumbers[kind]]), Buffer.from(checksum, 'hex')]),
  );
  return {
    digest: hash.digest(),
    size: sealedSize(layout),
    objectBytes: pieces.reduce((sum, { size }) => sum + size, 0),
    objects: Buffer.concat(objects),
  };
}

async function metadataSize(repo: string, checksum: string, kind: MetadataKind): Promise<number> {
  const file = path.join(repo, 'objects', objectName(checksum, kind));
  const { size } = await stat(file).catch((cause) => {
    throw damaged(repo, `cannot read ${file}: ${cause.message}`);
  });
  return size;
}

function damaged(repo: string, what: string): LockstepError {
  return new LockstepError('E_REPO', `${repo}: ${what}`, {
    hint: '`lockstep build` finds what is damaged and makes it anew',
  });
}

/** `(a{sv}tayay(a{sv}aya(say)sstayay)aya(uayttay)a(yaytt))`: `OSTREE_STATIC_DELTA_SUPERBLOCK_FORMAT`. */
function superblock(
  commit: string,
  commitBytes: Buffer,
  parts: readonly PartSummary[],
  large: readonly { checksum: string; size: number }[],
): Buffer {
  const little = new Map([['ostree.endianness', { type: 'y', data: Buffer.from('l') }]]);
  const metadata: Value = { bytes: encodeDictionary(little), alignment: 8, fixed: false };
  const nothing = byteArray(Buffer.alloc(0));
  const entries = parts.map(({ digest, size, objectBytes, objects }) =>
    tuple([nativeUint32(0), byteArray(digest), nativeUint64(size), nativeUint64(objectBytes), byteArray(objects)]),
  );
  const fallbacks = large.map(({ checksum, size }) =>
    tuple([byte(1), byteArray(Buffer.from(checksum, 'hex')), nativeUint64(size), nativeUint64(size)]),
  );
  const whole: Value = { bytes: commitBytes, alignment: 8, fixed: false };
  const to = byteArray(Buffer.from(commit, 'hex'));
  return tuple([metadata, uint64(0), nothing, to, whole, nothing, array(entries, 8), array(fallbacks, 8)]).bytes;
}
