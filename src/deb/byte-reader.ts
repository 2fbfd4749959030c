/** Takes exact counts of bytes from a stream that comes in chunks of any size, never holding more than it was asked for. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Bytes handed out until now. */
  get position(): number {
    return this.#position;
  }

  /** Up to `limit` bytes as they come; null at the end of the stream. */
  async some(limit: number): Promise<Buffer | null> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return null;
      this.#rest = value;
    }
    const taken = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(taken.length);
    this.#position += taken.length;
    return taken;
  }

  /** `count` bytes, or fewer where the stream ends before. */
  async upTo(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === null) break;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Ends the source: whatever holds it open can let go. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
