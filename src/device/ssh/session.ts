import type { Server } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { Client } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';
import { type ExecOptions, type ExecResult, execute, succeeded } from './exec.ts';
import { type Forward, forwardToServer } from './forward.ts';
import { sudoFailure } from './sudo.ts';

/** Bytes to a device and from it. */
export interface Traffic {
  sent: number;
  received: number;
}

/** A login on a device. Every method throws E_SSH_CUT when the connection breaks, E_INTERRUPTED when the signal fires. */
export class Session {
  readonly device: string;
  readonly user: string;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #signal: AbortSignal;
  readonly #broken: Promise<never>;
  #alive = true;
  #lastError: Error | null = null;
  readonly #abort: () => void;

  constructor(device: string, user: string, client: Client, socket: Duplex, signal: AbortSignal) {
    this.device = device;
    this.user = user;
    this.#client = client;
    this.#socket = socket;
    this.#signal = signal;
    this.#abort = () => socket.destroy();
    signal.addEventListener('abort', this.#abort, { once: true });
    client.on('error', (error) => {
      this.#lastError = error;
    });
    this.#broken = new Promise((_, reject) => {
      client.once('close', () => {
        this.#alive = false;
        reject(this.#cut());
      });
    });
    // Whoever waits on the session sees the rejection; a session that is closed idle must not end the process.
    this.#broken.catch(() => {});
  }

  /** What the connection has carried until now, the login included: bytes of SSH's own stream, without TCP's and IP's headers. */
  get traffic(): Traffic {
    const { bytesWritten, bytesRead } = this.#socket as Duplex & { bytesWritten: number; bytesRead: number };
    return { sent: bytesWritten, received: bytesRead };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /**
   * Runs a command as root (`sudo -n` for another user) and returns its output. Throws E_DEVICE_COMMAND with the last
   * lines of its stderr when it exits other than 0 (unless `check: false`) or does not end in `timeoutMs`,
   * E_DEVICE_PREPARE when sudo does not let the user.
   */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    if (this.user === 'root') return this.#guard(execute(this.#client, this.device, argv, options));
    const asRoot = ['sudo', '-n', '--', ...argv];
    const result = await this.#guard(execute(this.#client, this.device, asRoot, { ...options, check: false }));
    const refusal = sudoFailure(this.device, this.user, result);
    if (refusal !== null) throw refusal;
    return options.check === false ? result : succeeded(this.device, argv, result);
  }

  /** Runs a POSIX shell script as root. */
  script(text: string, options: ExecOptions & { args?: readonly string[] } = {}): Promise<ExecResult> {
    return this.exec(['sh', '-euc', text, 'sh', ...(options.args ?? [])], options);
  }

  /** Lets programs on the device reach `server` on a loopback port of the device; returns that port. */
  forward(server: Server): Promise<Forward> {
    return this.#guard(forwardToServer(this.#client, this.device, server));
  }

  /** Unpacks a tar stream into a directory of the device, which is made. */
  async unpack(tar: Readable, directory: string): Promise<void> {
    await this.script('mkdir -p "$1"; tar -x --no-same-owner -C "$1"', { args: [directory], input: tar });
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#abort);
    if (!this.#alive) return;
    const closed = this.#broken.catch(() => {});
    this.#client.end();
    // A dead link never answers the disconnect.
    const timer = setTimeout(() => this.#socket.destroy(), 2_000);
    await closed;
    clearTimeout(timer);
  }

  async #guard<T>(work: Promise<T>): Promise<T> {
    if (!this.#alive) {
      work.catch(() => {});
      throw this.#cut();
    }
    try {
      return await Promise.race([work, this.#broken]);
    } catch (error) {
      if (this.#signal.aborted) throw this.#cut();
      throw error;
    }
  }

  #cut(): LockstepError {
    if (this.#signal.aborted) return new LockstepError('E_INTERRUPTED', `device ${this.device}: interrupted`);
    const why = this.#lastError === null ? 'closed by the device' : this.#lastError.message;
    return new LockstepError('E_SSH_CUT', `device ${this.device}: the connection broke: ${why}`, {
      cause: this.#lastError ?? undefined,
    });
  }
}
