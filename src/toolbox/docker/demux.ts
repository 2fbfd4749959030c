import { Transform, type TransformCallback } from 'node:stream';

/** Bytes before each piece: stream number (1 stdout, 2 stderr), three zeros, length as a big-endian 32-bit number. */
const headerLength = 8;

const stderrNumber = 2;

/**
 * Takes apart the one stream in which the Docker engine sends stdout and stderr of a program without a terminal
 * (Engine API, "Attach to a container", stream format). What can be read from it is stdout; stderr goes to `onStderr`.
 * A reader of stdout that does not keep up slows the program down, which docker-modem's own demuxStream does not do.
 */
export class Demux extends Transform {
  readonly #onStderr: (chunk: Buffer) => void;
  #header = Buffer.alloc(0);
  /** Bytes of the piece at hand that are still to come, and where they go. */
  #left = 0;
  #toStderr = false;

  constructor(onStderr: (chunk: Buffer) => void) {
    super();
    this.#onStderr = onStderr;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) rest = this.#left > 0 ? this.#takePayload(rest) : this.#takeHeader(rest);
    done();
  }

  override _flush(done: TransformCallback): void {
    const cut = this.#left > 0 || this.#header.length > 0;
    done(cut ? new Error('the Docker engine broke off in the middle of a program’s output') : null);
  }

  #takeHeader(chunk: Buffer): Buffer {
    const missing = headerLength - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
    if (this.#header.length === headerLength) {
      this.#toStderr = this.#header[0] === stderrNumber;
      this.#left = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    return chunk.subarray(missing);
  }

  #takePayload(chunk: Buffer): Buffer {
    const piece = chunk.subarray(0, this.#left);
    this.#left -= piece.length;
    if (this.#toStderr) this.#onStderr(piece);
    else this.push(piece);
    return chunk.subarray(piece.length);
  }
}
