import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import { daemonRunning, startDaemon, stopDaemon } from './host-daemon.ts';
import { freshProc, isolation } from './isolation.ts';
import { interrupted, LineCutter, Tail, timedOut, toolEnvironment, toolFailure } from './tool-failure.ts';
import type { OpenOptions, RunOptions, Toolbox, ToolProcess, ToolResult } from './toolbox.ts';

export interface HostToolboxOptions {
  workspace: Workspace;
  root: string;
  signal: AbortSignal;
}

/** The toolbox on this machine itself: needs root and Debian's tools. */
export async function openHostToolbox({ workspace, signal }: HostToolboxOptions): Promise<Toolbox> {
  await mkdir(workspace.dir, { recursive: true });
  return new HostToolbox(signal);
}

/**
 * Every command runs under `setpriv --pdeathsig KILL`, so that it dies with this process however that dies; an isolated
 * one also as the first process of its own pid namespace, so that its children and mounts go with it.
 */
export function hostArgv(argv: readonly string[], isolate: boolean): string[] {
  const leash = ['setpriv', '--pdeathsig', 'KILL', '--'];
  if (!isolate) return [...leash, ...argv];
  return [...leash, ...isolation, freshProc, '--', ...argv];
}

class HostToolbox implements Toolbox {
  readonly kind = 'host';
  readonly description = 'this host, as root';
  readonly startDaemon = startDaemon;
  readonly daemonRunning = daemonRunning;
  readonly stopDaemon = stopDaemon;
  readonly #signal: AbortSignal;
  readonly #running = new Set<ChildProcess>();
  readonly #onAbort = () => void this.close();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<ToolResult> {
    const child = this.#spawn(argv, options);
    const stdout: Buffer[] = [];
    const stderr = new Tail();
    const lines = new LineCutter(options.onLine ?? (() => {}));
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      lines.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr.append(chunk);
      lines.push(chunk);
    });
    let late = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            this.#kill(child);
          }, options.timeoutMs);
    const fed = feed(child, options.input);
    try {
      const exitCode = await ended(child);
      await fed;
      lines.end();
      if (this.#signal.aborted) throw interrupted();
      if (late) throw timedOut(argv, options.timeoutMs ?? 0);
      if (exitCode !== 0 && options.check !== false) throw toolFailure({ argv, exitCode, stderr: stderr.toString() });
      return { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: stderr.toString() };
    } finally {
      clearTimeout(timer);
    }
  }

  async open(argv: readonly string[], options: OpenOptions = {}): Promise<ToolProcess> {
    const child = this.#spawn(argv, options);
    const stderr = new Tail();
    child.stderr.on('data', (chunk: Buffer) => stderr.append(chunk));
    const exited = ended(child).then(
      (exitCode) => ({ exitCode, stderr: stderr.toString() }),
      (error: Error) => ({ exitCode: 127, stderr: error.message }),
    );
    return { stdin: child.stdin, stdout: child.stdout, exited, kill: () => this.#kill(child) };
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    const ends = [...this.#running].map((child) => ended(child).catch(() => undefined));
    for (const child of this.#running) this.#kill(child);
    await Promise.all(ends);
  }

  #spawn(argv: readonly string[], options: OpenOptions) {
    if (this.#signal.aborted) throw interrupted();
    const [program, ...args] = hostArgv(argv, options.isolate ?? false);
    const child = spawn(program ?? '', args, {
      cwd: options.cwd ?? '/',
      env: { ...toolEnvironment, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C on the terminal must reach the agent alone, which then ends things in order.
      detached: true,
    });
    // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {});
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    child.once('error', () => this.#running.delete(child));
    return child;
  }

  #kill(child: ChildProcess): void {
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
}

async function feed(child: ReturnType<typeof spawn>, input: string | Buffer | Readable | undefined): Promise<void> {
  if (child.stdin === null) return;
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) {
    child.stdin.end(input ?? '');
    return;
  }
  try {
    await pipeline(input, child.stdin);
  } catch (error) {
    // The command's own end tells more than the pipe that broke with it; a source that failed must not look like an end.
    if (input.errored) {
      child.kill('SIGKILL');
      throw error;
    }
  }
}

/** Resolves with the exit code, 128 + number for a signal, once stdout and stderr are at their end. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(notStarted(error)));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGTERM' ? 15 : 9)));
  });
}

function notStarted(error: NodeJS.ErrnoException): LockstepError {
  return new LockstepError('E_TOOLBOX_TOOL', `cannot start ${error.path ?? 'a program'}: ${error.message}`, {
    hint: 'the host toolbox needs util-linux (setpriv, unshare); `lockstep doctor` lists what is missing',
    cause: error,
  });
}
