import { createHash, type Hash } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { LockstepError } from '../errors/index.ts';
import { timedOut, toolFailure } from '../toolbox/tool-failure.ts';
import type { Toolbox, ToolProcess } from '../toolbox/toolbox.ts';
import { FrameBuffer } from './frame-buffer.ts';
import type { FileSink, ObjectSink } from './object-sink.ts';
import { objectWorkerScript } from './object-worker-script.ts';
import { type Attributes, checksumOf, fileHeader, type MetadataKind, objectName, symlinkHeader } from './objects.ts';

/** Files up to this size go as one frame, known by their checksum before they are written: most need not be when they are there. */
const wholeLimit = 256 * 1024;

/** Frames are gathered to about this size before they are sent. */
const gatherLimit = 128 * 1024;

/** How long what was sent may take to be written. */
const answerLimitMs = 10 * 60_000;

export interface ObjectWriterOptions {
  /** A bare repository. */
  repo: string;
  /** The name that its directory below the repository's `tmp` begins with. */
  directory: string;
}

/** One long-lived process in the toolbox that writes objects and refs: see object-worker-script.ts. */
export class ObjectWriter implements ObjectSink {
  readonly #process: ToolProcess;
  readonly #gone: Promise<void>;
  /** Metadata that this writer has sent: directories are much alike. */
  readonly #sent = new Set<string>();
  readonly #answers = new Map<string, () => void>();
  readonly #frames = new FrameBuffer();
  #room = true;
  #failure: LockstepError | null = null;
  #wakers: (() => void)[] = [];
  #asked = 0;

  static async open(toolbox: Toolbox, { repo, directory }: ObjectWriterOptions): Promise<ObjectWriter> {
    const argv = ['perl', '-e', objectWorkerScript, repo, directory];
    return new ObjectWriter(await toolbox.open(argv));
  }

  constructor(worker: ToolProcess) {
    this.#process = worker;
    worker.stdin.on('error', () => {});
    worker.stdin.on('drain', () => {
      this.#room = true;
      this.#wake();
    });
    createInterface({ input: worker.stdout }).on('line', (line) => this.#answers.get(line)?.());
    this.#gone = worker.exited.then(({ exitCode, stderr }) => {
      this.#failure = toolFailure({ argv: ['the writer of objects'], exitCode, stderr });
      this.#wake();
    });
  }

  file(attributes: Attributes, size: number, path: string): FileSink {
    const hash = createHash('sha256').update(fileHeader(attributes));
    return size <= wholeLimit ? this.#wholeFile(hash, attributes, path) : this.#streamedFile(hash, attributes, path);
  }

  symlink(attributes: Attributes, target: string, path: string): string {
    const checksum = checksumOf(symlinkHeader(attributes, target));
    this.#send('L', nameField(checksum), attributeFields(attributes, path), Buffer.from(target, 'latin1'));
    return checksum;
  }

  metadata(kind: MetadataKind, bytes: Buffer): string {
    const checksum = checksumOf(bytes);
    if (this.#sent.has(`${checksum}.${kind}`)) return checksum;
    this.#sent.add(`${checksum}.${kind}`);
    this.#send('M', nameField(checksum, kind), bytes);
    return checksum;
  }

  /** Points refs at commits that were sent; resolves when all that was sent until now is written. Throws as `drained`. */
  async publish(refs: readonly (readonly [ref: string, commit: string])[]): Promise<void> {
    for (const [ref, commit] of refs) this.#send('R', Buffer.from(`${ref}\0${commit}`));
    this.#asked += 1;
    const token = String(this.#asked);
    let answered = false;
    this.#answers.set(token, () => {
      answered = true;
      this.#wake();
    });
    this.#send('S', Buffer.from(token));
    this.#flush();
    const deadline = Date.now() + answerLimitMs;
    while (!answered) await this.#change(deadline);
    this.#answers.delete(token);
  }

  /** Resolves when more may be sent. Throws E_TOOL_FAILED or E_DISK_FULL when the process has gone. */
  async drained(): Promise<void> {
    if (this.#frames.length >= gatherLimit) this.#flush();
    const deadline = Date.now() + answerLimitMs;
    while (!this.#room || this.#failure !== null) await this.#change(deadline);
  }

  /** Lets the process end. A file that was not ended and refs that were not published are not made. Never rejects. */
  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#gone;
  }

  #wholeFile(hash: Hash, attributes: Attributes, path: string): FileSink {
    this.#frames.begin('F');
    this.#frames.append(nameField(''));
    this.#frames.append(attributeFields(attributes, path));
    const write = (bytes: Buffer) => {
      hash.update(bytes);
      this.#frames.append(bytes);
    };
    const end = () => {
      const checksum = hash.digest('hex');
      this.#frames.end(nameField(checksum));
      return checksum;
    };
    return { write, hole: (length) => eachZeros(length, write), end };
  }

  #streamedFile(hash: Hash, attributes: Attributes, path: string): FileSink {
    this.#send('B', nameField(''), attributeFields(attributes, path));
    const hole = (length: number) => {
      eachZeros(length, (bytes) => hash.update(bytes));
      const field = Buffer.alloc(8);
      field.writeBigUInt64BE(BigInt(length));
      this.#send('Z', field);
    };
    const write = (bytes: Buffer) => {
      if (isZero(bytes)) return hole(bytes.length);
      hash.update(bytes);
      this.#send('D', bytes);
    };
    const end = () => {
      const checksum = hash.digest('hex');
      this.#send('E', nameField(checksum));
      return checksum;
    };
    return { write, hole, end };
  }

  #send(kind: string, ...parts: Buffer[]): void {
    this.#frames.begin(kind);
    for (const part of parts) this.#frames.append(part);
    this.#frames.end();
  }

  /** Writes what was gathered, as one piece: many small writes to a container cost more than a copy. */
  #flush(): void {
    const { stdin } = this.#process;
    if (this.#frames.length === 0) return;
    const bytes = this.#frames.take();
    if (this.#failure !== null || stdin.writableEnded) this.#frames.giveBack(bytes);
    else this.#room = stdin.write(bytes, () => this.#frames.giveBack(bytes));
  }

  /** Waits for room, an answer or the process's end, which it throws. */
  async #change(deadline: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const left = deadline - Date.now();
    if (left <= 0) throw timedOut(['the writer of objects'], answerLimitMs);
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, left);
      this.#wakers.push(() => {
        clearTimeout(late);
        resolve();
      });
    });
    if (this.#failure !== null) throw this.#failure;
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

const zeros = Buffer.alloc(64 * 1024);

function eachZeros(length: number, use: (bytes: Buffer) => void): void {
  for (let left = length; left > 0; left -= zeros.length) use(zeros.subarray(0, left));
}

/** Of large pieces alone: a hole saves no disk below a block. */
function isZero(bytes: Buffer): boolean {
  if (bytes.length < 4096 || bytes[0] !== 0) return false;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const piece = bytes.subarray(at, at + zeros.length);
    if (!piece.equals(zeros.subarray(0, piece.length))) return false;
  }
  return true;
}

function nameField(checksum: string, kind: MetadataKind | 'file' = 'file'): Buffer {
  const field = Buffer.alloc(80);
  if (checksum !== '') field.write(objectName(checksum, kind), 'latin1');
  return field;
}

/** uid, gid, mode, and the xattrs in a block of their own, behind the path that a failure names. */
function attributeFields({ uid, gid, mode, xattrs }: Attributes, path: string): Buffer {
  const block = xattrs.length === 0 ? [] : [sized(Buffer.from(path, 'latin1'))];
  for (const { name, value } of xattrs) block.push(sized(Buffer.from(name, 'latin1')), sized(value));
  const fields = Buffer.alloc(16);
  const length = block.reduce((sum, part) => sum + part.length, 0);
  for (const [index, value] of [uid, gid, mode, length].entries()) fields.writeUInt32BE(value, 4 * index);
  return length === 0 ? fields : Buffer.concat([fields, ...block]);
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
