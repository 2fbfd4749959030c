import { accessSync, closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { ContentReader } from './content-reader.ts';
import { objectName } from './objects.ts';
import { type PartLayout, type Piece, sealPart } from './pack-part.ts';

/** What is read of a file at once. */
const readSize = 64 * 1024;

/** Puts the bytes of a repository's objects into parts. */
export class PackContent {
  readonly #repo: string;
  readonly #reader: () => Promise<ContentReader>;

  constructor(repo: string, reader: () => Promise<ContentReader>) {
    this.#repo = repo;
    this.#reader = reader;
  }

  /**
   * A part as it is sent, read while it is sent; what is yielded is valid until the next piece is asked for. Throws E_REPO when an object is
   * missing or has another length; what else it may hold, the puller sees.
   */
  part(layout: PartLayout): AsyncGenerator<Buffer> {
    return sealPart(this.#variant(layout), layout.size);
  }

  /** Whether this process may read an object itself. */
  isReadable(checksum: string): boolean {
    try {
      accessSync(this.#fileOf({ kind: 'file', checksum }), constants.R_OK);
      return true;
    } catch {
      return false;
    }
  }

  async *#variant({ head, pieces, tail }: PartLayout): AsyncGenerator<Buffer> {
    yield head;
    const buffer = Buffer.allocUnsafeSlow(readSize);
    for (const piece of pieces) {
      let length = 0;
      for await (const bytes of this.#contentOf(piece, buffer)) {
        length += bytes.length;
        if (length > piece.size) break;
        yield bytes;
      }
      if (length !== piece.size) throw this.#damaged(piece, `has not the ${piece.size} bytes that it had`);
    }
    yield tail;
  }

  /** Most objects are small, and there are thousands: not worth a thread, or a pipe, each. What only root may read comes through one. */
  #contentOf(piece: Piece, buffer: Buffer): Iterable<Buffer> | AsyncIterable<Buffer> {
    const file = this.#fileOf(piece);
    try {
      if (piece.kind === 'link') return [readlinkSync(file, 'buffer')];
      return read(openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW), buffer);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const isContent = piece.kind === 'file' || piece.kind === 'link';
      if (isContent && (code === 'EACCES' || code === 'EPERM')) return this.#readAsRoot(piece);
      throw this.#damaged(piece, code === 'ENOENT' ? 'is missing' : message);
    }
  }

  /** At once, as the reader has others to answer. */
  async *#readAsRoot(piece: Piece): AsyncGenerator<Buffer> {
    const parts: Buffer[] = [];
    const reader = await this.#reader();
    const found = await reader.read(piece.checksum, async (_, content) => {
      for await (const part of content) parts.push(part);
    });
    if (!found) throw this.#damaged(piece, 'is missing');
    yield* parts;
  }

  #fileOf({ kind, checksum }: Pick<Piece, 'kind' | 'checksum'>): string {
    return path.join(this.#repo, 'objects', objectName(checksum, kind === 'link' ? 'file' : kind));
  }

  #damaged({ checksum }: Piece, how: string): LockstepError {
    return new LockstepError('E_REPO', `object ${checksum} of ${this.#repo} is damaged: it ${how}`, {
      hint: '`lockstep build` finds what is damaged and makes it anew',
    });
  }
}

function* read(handle: number, buffer: Buffer): Generator<Buffer> {
  try {
    const { size } = fstatSync(handle);
    for (let at = 0; at < size; ) {
      const got = readSync(handle, buffer, 0, buffer.length, null);
      if (got === 0) return;
      at += got;
      yield buffer.subarray(0, got);
    }
  } finally {
    closeSync(handle);
  }
}
