import { checkMap, parseLeadingMap, type SparseMap } from './sparse-map.ts';
import { TarError } from './tar-header.ts';

/** Where a sparse file's bytes and holes go. */
export interface SparseTarget {
  content(bytes: Buffer): void;
  hole(length: number): void;
}

export interface SparseBodyOptions {
  /** Null when it stands before the data, as in PAX sparse format 1.0. */
  map: SparseMap | null;
  realSize: number;
  /** Bytes that the tar holds for the member, such a map included. */
  stored: number;
}

/** Puts the bytes that a tar holds of a sparse file where they belong, with holes between them. */
export class SparseBody {
  readonly #target: SparseTarget;
  readonly #realSize: number;
  readonly #stored: number;
  #leading: Buffer | null = null;
  #pieces: SparseMap['pieces'] = [];
  #position = 0;

  constructor(target: SparseTarget, { map, realSize, stored }: SparseBodyOptions) {
    this.#target = target;
    this.#realSize = realSize;
    this.#stored = stored;
    if (map === null) this.#leading = Buffer.alloc(0);
    else this.#use(map.pieces, stored);
  }

  take(bytes: Buffer): void {
    const data = this.#leading === null ? bytes : this.#takeMap(this.#leading, bytes);
    for (let rest = data; rest.length > 0; ) {
      const [piece] = this.#pieces;
      if (piece === undefined) throw new TarError('it has a sparse file whose pieces do not fit');
      this.#holeUntil(piece.offset);
      const part = rest.subarray(0, piece.length);
      this.#target.content(part);
      this.#position += part.length;
      rest = rest.subarray(part.length);
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = { offset: piece.offset + part.length, length: piece.length - part.length };
    }
  }

  end(): void {
    if (this.#leading !== null) throw new TarError('it has a sparse file without its map');
    this.#holeUntil(this.#realSize);
  }

  /** Collects the map until it is whole; returns what follows it. */
  #takeMap(known: Buffer, bytes: Buffer): Buffer {
    const all = Buffer.concat([known, bytes]);
    const map = parseLeadingMap(all);
    if (map === null || all.length < map.length) {
      this.#leading = all;
      return Buffer.alloc(0);
    }
    this.#leading = null;
    this.#use(map.pieces, this.#stored - map.length);
    return all.subarray(map.length);
  }

  #use(pieces: SparseMap['pieces'], stored: number): void {
    checkMap({ realSize: this.#realSize, pieces }, stored);
    this.#pieces = pieces.filter(({ length }) => length > 0);
  }

  #holeUntil(offset: number): void {
    if (offset > this.#position) this.#target.hole(offset - this.#position);
    this.#position = offset;
  }
}
