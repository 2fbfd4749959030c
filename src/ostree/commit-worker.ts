import { createInterface } from 'node:readline';
import type { LockstepError } from '../errors/index.ts';
import { timedOut, toolFailure } from '../toolbox/tool-failure.ts';
import type { Toolbox, ToolProcess } from '../toolbox/toolbox.ts';
import { workerScript } from './worker-script.ts';

/** A command's stdin, as yet open. */
export interface CommitStream {
  /** Resolves when more may come. Rejects when the command has ended, with its error. */
  write(chunk: Buffer): Promise<void>;
  /** Says that all has come; resolves with the checksum of the commit. `last` is written before, if given. */
  end(last?: Buffer): Promise<string>;
  /** Kills the command; what it wrote of objects stays, a ref it has not made. Never rejects. */
  drop(): Promise<void>;
}

/** How long a commit may take once all has been sent. */
const answerLimitMs = 10 * 60_000;

interface Waiting {
  argv: readonly string[];
  resolve(checksum: string): void;
  reject(error: LockstepError): void;
}

/** One long-lived process in the toolbox that starts `ostree commit` for stream after stream: see worker-script.ts. */
export class CommitWorker {
  readonly #process: ToolProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #failure: LockstepError | null = null;
  #writers: (() => void)[] = [];
  #last = 0;

  static async open(toolbox: Toolbox): Promise<CommitWorker> {
    return new CommitWorker(await toolbox.open(['perl', '-e', workerScript]));
  }

  constructor(worker: ToolProcess) {
    this.#process = worker;
    worker.stdin.on('error', () => {});
    worker.stdin.on('drain', () => this.#wakeWriters());
    createInterface({ input: worker.stdout }).on('line', (line) => this.#report(line));
    this.#gone = worker.exited.then(({ exitCode, stderr }) => {
      this.#failure = toolFailure({ argv: ['perl'], exitCode, stderr });
      for (const { reject } of this.#waiting.values()) reject(this.#failure);
      this.#waiting.clear();
      this.#wakeWriters();
    });
  }

  /** Starts a command that reads a tar from its stdin and prints a commit's checksum. */
  begin(argv: readonly string[]): CommitStream {
    this.#last += 1;
    const number = this.#last;
    const ended = new Promise<string>((resolve, reject) => this.#waiting.set(number, { argv, resolve, reject }));
    // A failure that comes early is thrown by the next write or by end: until then nobody waits for it.
    ended.catch(() => {});
    void this.#send('B', number, Buffer.from(argv.join('\0')));
    const write = async (chunk: Buffer) => {
      await this.#send('D', number, chunk);
      if (!this.#waiting.has(number)) await ended;
    };
    const end = async (last?: Buffer) => {
      if (last !== undefined) await write(last);
      await this.#send('E', number);
      const late = setTimeout(() => this.#waiting.get(number)?.reject(timedOut(argv, answerLimitMs)), answerLimitMs);
      return await ended.finally(() => clearTimeout(late));
    };
    const drop = async () => {
      await this.#send('X', number);
      await ended.catch(() => {});
    };
    return { write, end, drop };
  }

  /** Lets the process end; streams that are still open are killed. */
  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#gone;
  }

  /** Writes a frame; resolves when more may come, or when the process has gone. */
  async #send(kind: string, number: number, bytes: Buffer = Buffer.alloc(0)): Promise<void> {
    const { stdin } = this.#process;
    if (this.#failure !== null || stdin.writableEnded) return;
    const head = Buffer.alloc(9);
    head.write(kind, 'latin1');
    head.writeUInt32BE(number, 1);
    head.writeUInt32BE(bytes.length, 5);
    stdin.cork();
    stdin.write(head);
    const more = stdin.write(bytes);
    stdin.uncork();
    if (!more) await new Promise<void>((resolve) => this.#writers.push(resolve));
  }

  #wakeWriters(): void {
    for (const wake of this.#writers.splice(0)) wake();
  }

  #report(line: string): void {
    const [number, exitCode, printed] = line.split(' ');
    const waiting = this.#waiting.get(Number(number));
    if (waiting === undefined) return;
    this.#waiting.delete(Number(number));
    const text = Buffer.from(printed ?? '', 'hex').toString();
    const checksum = /^[0-9a-f]{64}$/m.exec(text)?.[0];
    if (exitCode === '0' && checksum !== undefined) waiting.resolve(checksum);
    else waiting.reject(toolFailure({ argv: waiting.argv, exitCode: Number(exitCode), stderr: text }));
  }
}
