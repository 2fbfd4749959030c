import type { Readable, Writable } from 'node:stream';

/**
 * Where ostree, apt and qemu run: a builder container, or namespaces on this host. Both see the project's `.lockstep`
 * directory (read-write) and the project directory (read-only in the container) under the paths they have here, so that
 * a path means the same on both sides. Commands run as root in LANG=C.UTF-8 with umask 022.
 */
export interface Toolbox {
  readonly kind: 'docker' | 'host';
  /** One line for the log: which engine and image, or which host. */
  readonly description: string;

  /**
   * Runs a command to its end. Throws E_TOOL_FAILED with the last lines of its stderr when it exits other than 0
   * (unless `check: false`), E_DISK_FULL when it failed for want of space, E_INTERRUPTED when the signal fired.
   */
  run(argv: readonly string[], options?: RunOptions): Promise<ToolResult>;

  /** Starts a command whose stdin and stdout are streamed. Ends with the toolbox at the latest. */
  open(argv: readonly string[], options?: OpenOptions): Promise<ToolProcess>;

  /**
   * Starts a program that outlives this process: a virtual device. Its stdout and stderr go to `log`.
   * Returns once it runs; `daemon` and `stopDaemon` find it again by name from any later process.
   */
  startDaemon(spec: DaemonSpec): Promise<void>;
  daemonRunning(name: string): Promise<boolean>;
  /** Stops it (SIGTERM, then SIGKILL) and returns when it is gone; nothing to do when it is not there. */
  stopDaemon(name: string, options?: { kill?: boolean }): Promise<void>;

  /** Ends every command that still runs, with all that they mounted. Safe to call twice. */
  close(): Promise<void>;
}

export interface OpenOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Give the command mount, pid and host name namespaces of its own: what it mounts is gone when it ends, and so are its children. */
  isolate?: boolean;
}

export interface RunOptions extends OpenOptions {
  input?: string | Buffer | Readable;
  /** Called for each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
  /** false: return whatever the exit code is. */
  check?: boolean;
  /** Exit codes beside 0 that are answers and no failures; a command that was killed has given none. */
  answers?: readonly number[];
  /** Bound on the whole command; E_TOOL_FAILED when it passes. */
  timeoutMs?: number;
}

export interface ToolResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface ToolProcess {
  stdin: Writable;
  stdout: Readable;
  /** Resolves when the command has ended; stderr's last lines are kept. Never rejects. */
  exited: Promise<{ exitCode: number; stderr: string }>;
  kill(): void;
}

export interface DaemonSpec {
  /** Unique on this machine: lockstep's own prefix, project digest and device name. */
  name: string;
  argv: readonly string[];
  /** File that takes stdout and stderr, appended to. */
  log: string;
  cwd: string;
}
