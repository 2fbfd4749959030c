import type { ContentObject } from './filez.ts';
import { framingOffsets } from './gvariant.ts';
import { array, uint32 } from './gvariant-values.ts';
import { kindBits, type MetadataKind, xattrArray } from './objects.ts';
import { storedXz, storedXzLength } from './stored-xz.ts';
import { varint } from './varint.ts';

/** Where bytes of a part come from: an object of the repository. */
export interface Piece {
  kind: MetadataKind | 'file' | 'link';
  checksum: string;
  /** Bytes that it has in the part: of a link those of its target. */
  size: number;
}

/** The variant of a part of a static delta without the bytes of its objects, which stand between `head` and `tail` in the order of `pieces`. */
export interface PartLayout {
  head: Buffer;
  pieces: Piece[];
  tail: Buffer;
  /** Of all three, in bytes. */
  size: number;
}

/** "Here is an object whole": `OSTREE_STATIC_DELTA_OP_OPEN_SPLICE_AND_CLOSE`. */
const splice = 'S'.charCodeAt(0);

/** How a part says that it is compressed by xz. */
const xz = Buffer.from('x');

/**
 * A part as it is sent: a word for how it is compressed, then the variant. Not to compress it is foreseen, but ostree fails to map such a
 * part into memory when it has more than 16 KiB (`ot_fd_readall_or_mmap`, at an offset of 1).
 */
export async function* sealPart(variant: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  yield xz;
  yield* storedXz(variant, size);
}

/** Of a part as it is sent, in bytes. */
export function sealedSize({ size }: PartLayout): number {
  return xz.length + storedXzLength(size);
}

/**
 * Lays out the variant of a part that holds whole objects, `(a(uuu)aa(ayay)ayay)`: owners and modes, extended attributes, the objects'
 * bytes, and what to do with them (ostree-repo-static-delta-private.h).
 */
export class PartBuilder {
  readonly #modes = new Map<string, { index: number; bytes: Buffer }>();
  readonly #xattrs = new Map<string, { index: number; bytes: Buffer }>();
  readonly #pieces: Piece[] = [];
  readonly #operations: number[] = [];
  #payload = 0;

  /** Bytes of the objects until now. */
  get length(): number {
    return this.#payload;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  metadata(kind: MetadataKind, checksum: string, size: number): void {
    this.#operations.push(splice, ...varint(size), ...varint(this.#payload));
    this.#add({ kind, checksum, size });
  }

  content(checksum: string, { kind, attributes, size, target }: ContentObject): void {
    const { uid, gid, mode, xattrs } = attributes;
    const isLink = kind === 'symlink';
    const fullMode = kindBits[kind] | (isLink ? 0o777 : mode);
    const modeBytes = Buffer.concat([uint32(uid), uint32(gid), uint32(fullMode)].map(({ bytes }) => bytes));
    const length = isLink ? Buffer.byteLength(target, 'latin1') : size;
    const numbers = [indexIn(this.#modes, modeBytes), indexIn(this.#xattrs, xattrArray(xattrs).bytes), length];
    this.#operations.push(splice, ...[...numbers, this.#payload].flatMap(varint));
    this.#add({ kind: isLink ? 'link' : 'file', checksum, size: length });
  }

  finish(): PartLayout {
    const modes = Buffer.concat([...this.#modes.values()].map(({ bytes }) => bytes));
    const values = [...this.#xattrs.values()].map(({ bytes }) => ({ bytes, alignment: 1, fixed: false }) as const);
    const head = Buffer.concat([modes, array(values).bytes]);
    const payloadEnd = head.length + this.#payload;
    const operations = Buffer.from(this.#operations);
    const ends = [payloadEnd, head.length, modes.length];
    const tail = Buffer.concat([operations, framingOffsets(payloadEnd + operations.length, ends)]);
    return { head, pieces: this.#pieces, tail, size: payloadEnd + tail.length };
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece);
    this.#payload += piece.size;
  }
}

function indexIn(known: Map<string, { index: number; bytes: Buffer }>, bytes: Buffer): number {
  const key = bytes.toString('latin1');
  const found = known.get(key) ?? { index: known.size, bytes };
  known.set(key, found);
  return found.index;
}
