import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** A Docker engine of the test's own, which it may kill: everything of it lies in one directory. */
export class PrivateEngine {
  readonly directory: string;
  #daemon: ChildProcess | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** For `DOCKER_HOST`. */
  get address(): string {
    return `unix://${this.directory}/socket`;
  }

  /** Starts it, after a kill as well, and returns when it answers. */
  async start(): Promise<void> {
    const at = (name: string) => path.join(this.directory, name);
    // What a daemon that was killed leaves would keep the next one from starting, once its number is taken again.
    await rm(at('pid'), { force: true });
    const log = await open(at('log'), 'a');
    const places = [
      '--data-root',
      at('data'),
      '--exec-root',
      at('exec'),
      '--pidfile',
      at('pid'),
      '--host',
      this.address,
    ];
    const network = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];
    this.#daemon = spawn('dockerd', [...places, ...network], { stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
      const { exitCode } = await this.#docker('version');
      if (exitCode === 0) return;
    }
    throw new Error(`the test’s own dockerd does not answer: see ${at('log')}`);
  }

  /** Brings an image of this machine's engine over. */
  async load(image: string): Promise<void> {
    await execa('sh', ['-c', 'docker save "$1" | docker --host "$2" load --quiet', 'sh', image, this.address]);
  }

  async kill(): Promise<void> {
    if (this.#daemon === undefined) return;
    const gone = once(this.#daemon, 'exit');
    this.#daemon.kill('SIGKILL');
    await gone;
  }

  /** Ends it in order, and takes away what it had mounted. */
  async stop(): Promise<void> {
    if (this.#daemon === undefined) return;
    const gone = once(this.#daemon, 'exit');
    this.#daemon.kill('SIGTERM');
    await Promise.race([gone, sleep(20_000)]);
    this.#daemon.kill('SIGKILL');
    const { stdout } = await execa('findmnt', ['--list', '--noheadings', '--output', 'TARGET']);
    const mounts = stdout.split('\n').filter((target) => target.startsWith(`${this.directory}/`));
    for (const mount of mounts.reverse()) await execa('umount', ['--lazy', mount], { reject: false });
  }

  #docker(...args: string[]) {
    return execa('docker', ['--host', this.address, ...args], { reject: false });
  }
}
