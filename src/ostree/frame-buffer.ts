/** Bytes of a frame before its content: its kind and its length. */
const headLength = 5;

/** Room for what is usually gathered. */
const room = 512 * 1024;

/**
 * Gathers frames of a kind (one character), a length (32 bits, big-endian) and content. What is appended is copied, into memory
 * that is used again once it is given back: collecting the garbage of each deb's bytes would cost more than the copies.
 */
export class FrameBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(room);
  /** Where the whole frames end, and what there is of the next. */
  #whole = 0;
  #used = 0;
  readonly #spare: Buffer[] = [];

  /** Bytes of the frames that are whole. */
  get length(): number {
    return this.#whole;
  }

  /** Begins a frame. One that was not ended is forgotten. */
  begin(kind: string): void {
    this.#used = this.#whole;
    this.append(Buffer.from(`${kind}\0\0\0\0`, 'latin1'));
  }

  append(bytes: Buffer): void {
    this.#reserve(this.#used + bytes.length);
    this.#used += bytes.copy(this.#bytes, this.#used);
  }

  /** Ends the frame; `front` takes the place of the first bytes of its content. */
  end(front?: Buffer): void {
    const start = this.#whole + headLength;
    this.#bytes.writeUInt32BE(this.#used - start, start - 4);
    front?.copy(this.#bytes, start);
    this.#whole = this.#used;
  }

  /** The whole frames, which are gone from here. A frame that was begun stays. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#whole);
    const begun = this.#bytes.subarray(this.#whole, this.#used);
    this.#bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(room);
    this.#whole = this.#used = 0;
    this.append(begun);
    return taken;
  }

  /** Lets the memory of what was taken be used again. */
  giveBack(taken: Buffer): void {
    if (taken.buffer.byteLength === room) this.#spare.push(Buffer.from(taken.buffer));
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}
