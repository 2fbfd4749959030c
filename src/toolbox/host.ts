import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { LockstepError } from '../errors/index.ts';
import { daemonRunning, startDaemon, stopDaemon } from './host-daemon.ts';
import { freshProc, isolation } from './isolation.ts';
import type { ToolboxOptions } from './options.ts';
import { assertOwn } from './ownership.ts';
import { asNamespaceRoot } from './rootless.ts';
import { runToEnd, type StartedProcess } from './run-to-end.ts';
import { interrupted, Tail, toolEnvironment } from './tool-failure.ts';
import type { OpenOptions, RunOptions, Toolbox, ToolProcess, ToolResult } from './toolbox.ts';
import { withUmask } from './umask.ts';

/** The toolbox on this machine itself: needs Debian's tools, and root or a user namespace to be root in. */
export async function openHostToolbox({
  workspace,
  signal,
}: Pick<ToolboxOptions, 'workspace' | 'root' | 'signal'>): Promise<Toolbox> {
  await mkdir(workspace.dir, { recursive: true });
  await assertOwn(workspace.repo);
  return new HostToolbox(signal);
}

/**
 * Every command runs under `setpriv --pdeathsig KILL`, so that it dies with this process however that dies; an isolated
 * one also as the first process of its own pid namespace, so that its children and mounts go with it.
 */
export function hostArgv(argv: readonly string[], isolate: boolean, isRoot = process.getuid?.() === 0): string[] {
  // Whoever becomes root loses the leash, so it comes after.
  const leash = [...(isRoot ? [] : asNamespaceRoot), 'setpriv', '--pdeathsig', 'KILL', '--'];
  if (!isolate) return [...leash, ...argv];
  return [...leash, ...isolation, freshProc, '--', ...argv];
}

class HostToolbox implements Toolbox {
  readonly kind = 'host';
  readonly description = `this host, ${process.getuid?.() === 0 ? 'as root' : 'as root of a user namespace'}`;
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

  run(argv: readonly string[], options: RunOptions = {}): Promise<ToolResult> {
    const start = async (onStderr: (chunk: Buffer) => void) => {
      const process = this.#start(argv, options, onStderr);
      if (options.input === undefined) process.stdin.end();
      return process;
    };
    return runToEnd(argv, options, start, () => {
      if (this.#signal.aborted) throw interrupted();
    });
  }

  async open(argv: readonly string[], options: OpenOptions = {}): Promise<ToolProcess> {
    const stderr = new Tail();
    const process = this.#start(argv, options, (chunk) => stderr.append(chunk));
    const exited = process.exited.then(
      (exitCode) => ({ exitCode, stderr: stderr.toString() }),
      (error: Error) => ({ exitCode: 127, stderr: error.message }),
    );
    return { ...process, exited };
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    const ends = [...this.#running].map((child) => ended(child).catch(() => undefined));
    for (const child of this.#running) this.#kill(child);
    await Promise.all(ends);
  }

  #start(argv: readonly string[], options: OpenOptions, onStderr: (chunk: Buffer) => void): StartedProcess {
    if (this.#signal.aborted) throw interrupted();
    const [program, ...args] = hostArgv(argv, options.isolate ?? false);
    const child = withUmask(() =>
      spawn(program ?? '', args, {
        cwd: options.cwd ?? '/',
        env: { ...toolEnvironment, ...options.env },
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: Ctrl-C on the terminal must reach the agent alone, which then ends things in order.
        detached: true,
      }),
    );
    // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {});
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    child.once('error', () => this.#running.delete(child));
    child.stderr.on('data', onStderr);
    return { stdin: child.stdin, stdout: child.stdout, exited: ended(child), kill: () => this.#kill(child) };
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
