import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createDeflateRaw, deflateRaw, inflateRaw } from 'node:zlib';
import { LockstepError } from '../errors/index.ts';
import type { ContentReader } from './content-reader.ts';
import { bareHeader, type ContentObject, filezHeader, splitFilez } from './filez.ts';
import { objectName } from './objects.ts';

/** Devices are near and emulated or slow: what more compressing would save in bytes costs more in time. */
const compression = { level: 1 };

export interface KeptFile {
  path: string;
  size: number;
}

/** Bytes up to which a file is compressed in one piece, beside the reading of the next. */
const wholeLimit = 2 * 1024 * 1024;

/** What may be in memory at once of files that are being compressed. */
const memoryLimit = 32 * 1024 * 1024;

/** Of pieces that are compressed or written: each is a turn of Node's thread pool. */
const pieceSize = 256 * 1024;

/**
 * Content objects of a bare repository as an archive repository has them (`.filez`), made when they are asked for and kept in `dir` for the
 * next time: none is compressed twice. Several may ask for the same one at once. Each is held against its checksum while it is read.
 */
export class ArchiveObjects {
  readonly #dir: string;
  readonly #repo: string;
  readonly #reader: () => Promise<ContentReader>;
  readonly #compressing = new Set<Promise<void>>();
  #held = 0;
  readonly #making = new Map<string, Promise<number | null>>();

  constructor(dir: string, repo: string, reader: () => Promise<ContentReader>) {
    this.#dir = dir;
    this.#repo = repo;
    this.#reader = reader;
  }

  /** The file of an object, or null when the repository has none of that name. Throws E_REPO when it is damaged. */
  async find(checksum: string): Promise<KeptFile | null> {
    const file = this.#fileOf(checksum);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found !== undefined) return { path: file, size: found.size };
    let making = this.#making.get(checksum);
    if (making === undefined) {
      making = this.#make(checksum, file).finally(() => this.#making.delete(checksum));
      this.#making.set(checksum, making);
    }
    const size = await making;
    return size === null ? null : { path: file, size };
  }

  /** Removes those among these objects whose kept file is not what its name says; returns how many. */
  async dropDamaged(checksums: Iterable<string>): Promise<number> {
    let dropped = 0;
    for (const checksum of checksums) {
      const file = this.#fileOf(checksum);
      if (!existsSync(file) || (await isSound(file, checksum))) continue;
      await rm(file, { force: true });
      dropped += 1;
    }
    return dropped;
  }

  #fileOf(checksum: string): string {
    return path.join(this.#dir, 'objects', `${objectName(checksum, 'file')}z`);
  }

  /** Its size, or null when there is none. Calls that take microseconds are not worth a thread each: there are thousands of objects. */
  async #make(checksum: string, file: string): Promise<number | null> {
    const reader = await this.#reader();
    mkdirSync(path.dirname(file), { recursive: true });
    const begun = `${file}.${process.pid}`;
    let size: Promise<number> | null = null;
    try {
      await reader.read(checksum, async (object, content) => {
        const hash = createHash('sha256').update(bareHeader(object));
        if (object.size > wholeLimit) {
          await pipeline(withHeader(object, content, hash), createWriteStream(begun));
          this.#assertSound(checksum, hash.digest('hex'));
          size = Promise.resolve(statSync(begun).size);
          return;
        }
        const parts: Buffer[] = [];
        for await (const piece of content) parts.push(piece);
        for (const piece of parts) hash.update(piece);
        this.#assertSound(checksum, hash.digest('hex'));
        // Not waited for: the reader goes on to the next object while this one is compressed.
        size = this.#inMemory(object.size, writeWhole(begun, object, Buffer.concat(parts)));
        while (this.#held > memoryLimit) await Promise.race(this.#compressing);
      });
      if (size === null) return null;
      const length = await size;
      renameSync(begun, file);
      return length;
    } catch (error) {
      await rm(begun, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      throw new LockstepError('E_DISK_FULL', `the disk of ${this.#dir} is full`, {
        hint: 'free space there; what is in it can be deleted, it is made again when it is needed',
        cause: error,
      });
    }
  }

  /** Counts the bytes that a piece of work holds. */
  async #inMemory<T>(bytes: number, work: Promise<T>): Promise<T> {
    const ended = work.then(
      () => {},
      () => {},
    );
    this.#held += bytes;
    this.#compressing.add(ended);
    try {
      return await work;
    } finally {
      this.#held -= bytes;
      this.#compressing.delete(ended);
    }
  }

  #assertSound(checksum: string, actual: string): void {
    if (checksum === actual) return;
    throw new LockstepError('E_REPO', `object ${checksum} of ${this.#repo} is damaged: its checksum is ${actual}`, {
      hint: '`lockstep build` finds what is damaged and makes it anew',
    });
  }
}

async function writeWhole(file: string, object: ContentObject, bytes: Buffer): Promise<number> {
  const packed = object.kind === 'symlink' ? Buffer.alloc(0) : await deflate(bytes);
  const whole = Buffer.concat([filezHeader(object), packed]);
  writeFileSync(file, whole);
  return whole.length;
}

/** In one turn: the output is never much longer than the input. */
function deflate(bytes: Buffer): Promise<Buffer> {
  return promisify(deflateRaw)(bytes, { ...compression, chunkSize: bytes.length + 1024 });
}

async function* gathered(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let [parts, length]: [Buffer[], number] = [[], 0];
  for await (const piece of content) {
    parts.push(piece);
    length += piece.length;
    if (length < pieceSize) continue;
    yield Buffer.concat(parts);
    [parts, length] = [[], 0];
  }
  if (length > 0) yield Buffer.concat(parts);
}

function withHeader(object: ContentObject, content: AsyncIterable<Buffer>, hash: Hash): Readable {
  const deflated = createDeflateRaw({ ...compression, chunkSize: pieceSize });
  const packed = pipeline(async function* () {
    for await (const piece of gathered(content)) {
      hash.update(piece);
      yield piece;
    }
  }, deflated);
  // Its failure reaches who reads `deflated`.
  packed.catch(() => {});
  return Readable.from(
    (async function* () {
      yield filezHeader(object);
      yield* deflated;
    })(),
  );
}

/** Reads a `.filez` as a device would: header, deflated content, checksum. */
async function isSound(file: string, checksum: string): Promise<boolean> {
  try {
    const { header, packed } = splitFilez(await readFile(file));
    // Nothing stands behind the header of a link.
    const content = packed.length === 0 ? packed : await promisify(inflateRaw)(packed);
    return createHash('sha256').update(header).update(content).digest('hex') === checksum;
  } catch {
    return false;
  }
}
