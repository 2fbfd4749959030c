import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

/**
 * The stdin and stdout of a command as one stream, as OpenSSH's ProxyCommand has it. The command has a session of its own:
 * without a terminal it can ask nobody, and it ends with all that it started when the stream is destroyed. When this
 * process dies, the command reads the end of its stdin.
 */
export class ProcessSocket extends Duplex {
  readonly #child: ChildProcess;
  #said = '';
  /** As a socket counts them. */
  bytesRead = 0;
  bytesWritten = 0;

  constructor(command: string, environment: NodeJS.ProcessEnv) {
    super({ allowHalfOpen: false });
    const env = { ...environment, SSH_ASKPASS_REQUIRE: 'never' };
    this.#child = spawn('/bin/sh', ['-c', `exec ${command}`], { detached: true, stdio: ['pipe', 'pipe', 'pipe'], env });
    const { stdin, stdout, stderr } = this.#child;
    stdin?.on('error', () => {});
    stdout?.on('data', (chunk) => {
      this.bytesRead += chunk.length;
      if (!this.push(chunk)) stdout.pause();
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4096);
    });
    this.#child.on('error', (error) => this.destroy(error));
    this.#child.on('close', () => this.push(null));
  }

  /** Waits until the command has ended, `ms` at most. */
  ended(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#child.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) setImmediate(resolve);
    });
  }

  /** What the command said on stderr; in the order of its lines. */
  get said(): string {
    return this.#said.trim();
  }

  override _read(): void {
    this.#child.stdout?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.bytesWritten += chunk.length;
    this.#child.stdin?.write(chunk, () => callback());
  }

  override _final(callback: () => void): void {
    this.#child.stdin?.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGTERM');
    } catch {
      // It ended before.
    }
    callback(error);
  }
}
