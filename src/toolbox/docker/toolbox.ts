import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import { LockstepError } from '../../errors/index.ts';
import { freshProc, isolation } from '../isolation.ts';
import type { ToolboxOptions } from '../options.ts';
import { runToEnd, type StartedProcess } from '../run-to-end.ts';
import { interrupted, Tail } from '../tool-failure.ts';
import type { DaemonSpec, OpenOptions, RunOptions, Toolbox, ToolProcess, ToolResult } from '../toolbox.ts';
import { builderImage } from './builder.ts';
import { daemonRunning, startDaemon, stopDaemon } from './daemon.ts';
import { type Engine, findEngine } from './engine.ts';
import { lostExitCode, startExec } from './exec.ts';
import { type Lease, openLease } from './lease.ts';
import { containerSees, mountMissing, type Project } from './mounts.ts';

/** How long the engine may take to tell that a container has ended. */
const goneToldWithinMs = 500;

/**
 * The toolbox in a builder container, which needs nothing here but a Docker engine that sees this file system. Makes the
 * builder image when it is not there yet. Throws E_TOOLBOX_ENGINE, E_TOOLBOX_BUILDER, E_TOOLBOX_MOUNT, E_INTERRUPTED.
 */
export async function openDockerToolbox(options: ToolboxOptions): Promise<Toolbox> {
  const { workspace, root, shared, signal, progress } = options;
  if (signal.aborted) throw interrupted();
  const engine = await findEngine(signal);
  await mkdir(workspace.dir, { recursive: true });
  const image = await builderImage(engine, { signal, progress });
  const project = { root, workspace, shared };
  const lease = await openLease(engine, image, project);
  const toolbox = new DockerToolbox({ engine, image, project, lease, signal });
  try {
    await toolbox.checkMount();
    return toolbox;
  } catch (error) {
    await toolbox.close();
    throw error;
  }
}

interface Parts {
  engine: Engine;
  image: string;
  project: Project;
  lease: Lease;
  signal: AbortSignal;
}

class DockerToolbox implements Toolbox {
  readonly kind = 'docker';
  readonly description: string;
  readonly #parts: Parts;
  readonly #onAbort = () => void this.close().catch(() => {});
  #closed = false;
  #isolation: Promise<string[]> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.description = `Docker engine ${parts.engine.version} at ${parts.engine.address}, image ${parts.image}`;
    parts.signal.addEventListener('abort', this.#onAbort, { once: true });
    void parts.lease.ended.then(() => {
      this.#closed = true;
    });
  }

  /** Throws E_TOOLBOX_MOUNT unless the container's project directory is this one. */
  async checkMount(): Promise<void> {
    const { engine, project } = this.#parts;
    let answered = false;
    const read = async (file: string) => {
      const { exitCode, stdout } = await this.run(['cat', file], { check: false });
      // Ended otherwise, it did not get so far as to find the file or not.
      answered = exitCode === 0 || exitCode === 1;
      return stdout;
    };
    if (await containerSees(project, read)) return;
    await this.#endTold();
    this.#assertAlive();
    if (!answered || !(await isRunning(this.#parts.lease.container))) throw gone();
    throw mountMissing(engine.address, project);
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<ToolResult> {
    const start = (onStderr: (chunk: Buffer) => void) =>
      this.#start(argv, options, options.input !== undefined, onStderr);
    return runToEnd(argv, options, start, () => this.#assertAlive());
  }

  async open(argv: readonly string[], options: OpenOptions = {}): Promise<ToolProcess> {
    const stderr = new Tail();
    const process = await this.#start(argv, options, true, (chunk) => stderr.append(chunk));
    const exited = process.exited.then((exitCode) => ({ exitCode, stderr: stderr.toString() }));
    return { ...process, exited };
  }

  async startDaemon(spec: DaemonSpec): Promise<void> {
    const { engine, image, project } = this.#parts;
    // What the image lacks is found out here, at once, and not from a container that ends.
    const there = 'command -v "$1" >/dev/null || { echo "$1: not found" >&2; exit 127; }';
    await this.run(['sh', '-c', there, 'sh', spec.argv[0] ?? '']);
    return startDaemon(engine, image, project, spec);
  }

  daemonRunning(name: string): Promise<boolean> {
    return daemonRunning(this.#parts.engine, name);
  }

  stopDaemon(name: string, options?: { kill?: boolean }): Promise<void> {
    return stopDaemon(this.#parts.engine, name, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.signal.removeEventListener('abort', this.#onAbort);
    await this.#parts.lease.release();
  }

  async #start(
    argv: readonly string[],
    options: OpenOptions,
    stdin: boolean,
    onStderr: (chunk: Buffer) => void,
  ): Promise<StartedProcess> {
    this.#assertAlive();
    const isolation = options.isolate ? await this.#isolated() : [];
    try {
      const { container } = this.#parts.lease;
      const process = await startExec(container, [...isolation, ...argv], { ...options, stdin, onStderr });
      return { ...process, exited: process.exited.then((exitCode) => this.#settled(exitCode)) };
    } catch (error) {
      // The abort takes the container away under a command that is just starting.
      this.#assertAlive();
      throw error;
    }
  }

  /** A command that looks killed may have gone with its container, which is told a moment later. */
  async #settled(exitCode: number): Promise<number> {
    if (exitCode === lostExitCode) await this.#endTold();
    return exitCode;
  }

  /** Waits for as long as the end of the container may take to be told. */
  async #endTold(): Promise<void> {
    await Promise.race([this.#parts.lease.ended, sleep(goneToldWithinMs)]);
  }

  #assertAlive(): void {
    if (this.#parts.signal.aborted) throw interrupted();
    if (this.#closed) throw gone();
  }

  /** What gives a command namespaces of its own; without a fresh /proc where the engine forbids mounting one. */
  #isolated(): Promise<string[]> {
    const whole = [...isolation, freshProc, '--'];
    this.#isolation ??= this.run([...whole, 'true'], { check: false }).then(({ exitCode }) =>
      exitCode === 0 ? whole : [...isolation, '--'],
    );
    return this.#isolation;
  }
}

const gone = () => new LockstepError('E_TOOLBOX_ENGINE', 'the builder container is gone');

/** Asked of the engine itself: that a stream has ended may be told late. */
async function isRunning(container: Container): Promise<boolean> {
  return container.inspect().then(
    ({ State }) => State.Running,
    () => false,
  );
}
