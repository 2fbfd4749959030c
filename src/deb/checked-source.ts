import { createHash } from 'node:crypto';
import { LockstepError } from '../errors/index.ts';
import { type LockedDeb, nameOf } from './package.ts';

/** A deb's bytes on their way, counted and hashed: what was read is known to be the deb only when `check` has passed. */
export class CheckedSource {
  readonly #deb: LockedDeb;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha256');
  #size = 0;

  constructor(source: AsyncIterable<Buffer>, deb: LockedDeb) {
    this.#deb = deb;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The bytes. Leaving them early does not end the source: see `judge`. Throws E_DEB_CHECKSUM when there are too many. */
  async *bytes(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return;
      this.#size += value.length;
      this.#hash.update(value);
      if (this.#size > this.#deb.size) throw this.#mismatch(`more than ${this.#deb.size} bytes`);
      yield value;
    }
  }

  /** To be called at the end of the bytes. Throws E_DEB_CHECKSUM when size or sha256 is not what the lockfile pins. */
  check(): void {
    if (this.#size !== this.#deb.size) throw this.#mismatch(`${this.#size} bytes`);
    const sha256 = this.#hash.digest('hex');
    if (sha256 !== this.#deb.sha256) throw this.#mismatch(`sha256 ${sha256}`);
  }

  /**
   * The error to report for a deb that could not be read: a mirror's error page or damage on the way makes an unreadable
   * deb too, and then the checksum is what is wrong, not the deb. Reads the rest of the source to know.
   */
  async judge(error: unknown): Promise<unknown> {
    const ofContent = error instanceof LockstepError && /^E_DEB_(FORMAT|HOSTILE)$/.test(error.code);
    if (!ofContent) return error;
    try {
      for await (const _chunk of this.bytes()) {
        // Counted and hashed on the way.
      }
      this.check();
      return error;
    } catch (mismatch) {
      return mismatch;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #mismatch(got: string): LockstepError {
    const { size, sha256 } = this.#deb;
    const expected = got.startsWith('sha256') ? `sha256 ${sha256}` : `${size} bytes`;
    const message = `the deb of ${nameOf(this.#deb)} is not the one that the lockfile pins: expected ${expected}, got ${got}`;
    return new LockstepError('E_DEB_CHECKSUM', message, { hint: 'the mirror is broken or hostile: use another one' });
  }
}
