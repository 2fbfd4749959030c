import type { Readable } from 'node:stream';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox, ToolProcess } from '../toolbox/toolbox.ts';
import { contentReaderScript } from './content-reader-script.ts';
import type { ContentObject } from './filez.ts';
import type { Xattr } from './objects.ts';

const headLength = 28;

/** Takes an object's content piece by piece; what it returns is waited for before the next piece is read. */
export type ContentTaker = (object: ContentObject, content: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Reads content objects of a bare repository, whose files may belong to anybody, through the toolbox: one long-lived
 * process, one object at a time, in the order in which they were asked for.
 */
export class ContentReader {
  readonly #repo: string;
  readonly #worker: ToolProcess;
  readonly #bytes: PieceReader;
  #last: Promise<unknown> = Promise.resolve();

  static async open(toolbox: Toolbox, repo: string): Promise<ContentReader> {
    return new ContentReader(repo, await toolbox.open(['perl', '-e', contentReaderScript, repo]));
  }

  constructor(repo: string, worker: ToolProcess) {
    this.#repo = repo;
    this.#worker = worker;
    this.#bytes = new PieceReader(worker.stdout);
    worker.stdin.on('error', () => {});
  }

  /** Hands an object to `take`; false when the repository has none of that name. Throws E_REPO when it cannot be read. */
  read(checksum: string, take: ContentTaker): Promise<boolean> {
    return this.#ask(checksum, (object) => take(object, this.#bytes.pieces(object.size)));
  }

  /** An object without its content; null when the repository has none of that name. Throws E_REPO when it cannot be read. */
  async describe(checksum: string): Promise<ContentObject | null> {
    let found: ContentObject | null = null;
    await this.#ask(`?${checksum}`, async (object) => {
      found = object;
    });
    return found;
  }

  #ask(line: string, take: (object: ContentObject) => Promise<void>): Promise<boolean> {
    this.#worker.stdin.write(`${line}\n`);
    const mine = this.#last.then(() => this.#next(take));
    // A failure in the middle leaves the stream where no later answer begins: all that follow fail, too.
    this.#last = mine;
    mine.catch(() => {});
    return mine;
  }

  async close(): Promise<void> {
    this.#worker.stdin.end();
    this.#worker.kill();
    await this.#worker.exited;
  }

  async #next(take: (object: ContentObject) => Promise<void>): Promise<boolean> {
    try {
      const head = await this.#bytes.exactly(headLength);
      const [state = 0, uid = 0, gid = 0, mode = 0, blockLength = 0] = [0, 4, 8, 12, 16].map((at) =>
        head.readUInt32BE(at),
      );
      const size = Number(head.readBigUInt64BE(20));
      if (state === 0) return false;
      const xattrs = xattrsOf(await this.#bytes.exactly(blockLength));
      const attributes = { uid, gid, mode, xattrs };
      if (state === 2) {
        const target = (await this.#bytes.exactly(size)).toString('latin1');
        await take({ kind: 'symlink', attributes, size: 0, target });
      } else {
        await take({ kind: 'file', attributes, size, target: '' });
      }
      return true;
    } catch (error) {
      this.#worker.kill();
      if (error instanceof LockstepError || !(error instanceof BrokenOff)) throw error;
      const { stderr } = await this.#worker.exited;
      throw new LockstepError(
        'E_REPO',
        `cannot read the objects of ${this.#repo}: ${stderr.trim() || 'the reader ended'}`,
      );
    }
  }
}

function xattrsOf(block: Buffer): Xattr[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < block.length; ) {
    const length = block.readUInt32BE(at);
    fields.push(block.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const pairs = fields.length / 2;
  return Array.from({ length: pairs }, (_, index) => ({
    name: fields[2 * index]!.toString('latin1'),
    value: fields[2 * index + 1]!,
  }));
}

class BrokenOff extends Error {}

/** A stream's bytes in the lengths that are asked for. */
class PieceReader {
  readonly #iterator: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  async exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const piece of this.pieces(length)) parts.push(piece);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async *pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#iterator.next();
        if (done) throw new BrokenOff();
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}
