import { LockstepError } from '../errors/index.ts';

/** What every command in a toolbox starts from: a fixed locale, so that messages and tar names mean the same everywhere. */
export const toolEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  HOME: '/root',
  DEBIAN_FRONTEND: 'noninteractive',
};

/** How much of a command's stderr is kept for its error, in characters. */
const tailLength = 4000;

/** Keeps the end of a text that arrives in pieces. */
export class Tail {
  #text = '';

  append(chunk: Buffer | string): void {
    this.#text = (this.#text + chunk.toString()).slice(-tailLength);
  }

  toString(): string {
    return this.#text;
  }
}

export interface Failure {
  argv: readonly string[];
  exitCode: number;
  stderr: string;
}

/** The error for a command that ended badly: E_DISK_FULL when that was the reason, E_TOOL_FAILED otherwise. */
export function toolFailure({ argv, exitCode, stderr }: Failure): LockstepError {
  const program = argv[0] ?? '(nothing)';
  const lastLines = stderr.trim().split('\n').slice(-8).join('\n');
  if (/No space left on device|ENOSPC|min-free-space-\S+ \S+ would be exceeded/.test(stderr)) {
    return new LockstepError('E_DISK_FULL', `the disk is full while ${program} was at work:\n${lastLines}`, {
      hint: 'free space under the project’s .lockstep directory, then run again',
    });
  }
  const how = exitCode >= 128 ? `was killed by signal ${exitCode - 128}` : `ended with exit code ${exitCode}`;
  return new LockstepError('E_TOOL_FAILED', `${program} ${how}${lastLines === '' ? '' : `:\n${lastLines}`}`);
}

/** A command that was killed because it took too long. */
export class TimedOut extends LockstepError {}

export function timedOut(argv: readonly string[], timeoutMs: number): TimedOut {
  return new TimedOut('E_TOOL_FAILED', `${argv[0]} did not end within ${Math.round(timeoutMs / 1000)} s`);
}

export function interrupted(): LockstepError {
  return new LockstepError('E_INTERRUPTED', 'interrupted', { hint: 'run it again: it goes on from what was finished' });
}

/** Cuts a stream's chunks into lines; the rest without newline is handed out by `end`. */
export class LineCutter {
  #rest = '';
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer | string): void {
    const lines = (this.#rest + chunk.toString()).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
