import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/**
 * A Docker engine of the test's own, which it may kill: everything of it lies in one directory. As on a Debian machine
 * containerd is a process beside it that stays, and holds the containers.
 */
export class PrivateEngine {
  readonly directory: string;
  #containerd: ChildProcess | undefined;
  #dockerd: ChildProcess | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** For `DOCKER_HOST`. */
  get address(): string {
    return `unix://${this.#at('socket')}`;
  }

  /** Starts it, after a kill as well, and returns when it answers. */
  async start(): Promise<void> {
    this.#containerd ??= await this.#startContainerd();
    // What a daemon that was killed leaves would keep the next one from starting, once its number is taken again.
    await rm(this.#at('pid'), { force: true });
    const network = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];
    this.#dockerd = await this.#spawn('dockerd', [
      ...['--data-root', this.#at('data'), '--exec-root', this.#at('exec'), '--pidfile', this.#at('pid')],
      ...['--containerd', this.#at('containerd.sock'), '--host', this.address, ...network],
    ]);
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(100)) {
      const { exitCode } = await execa('docker', ['--host', this.address, 'version'], { reject: false });
      if (exitCode === 0) return;
    }
    throw new Error(`the test’s own dockerd does not answer:\n${await this.#lastWords()}`);
  }

  /** Brings an image of this machine's engine over. */
  async load(image: string): Promise<void> {
    await execa('sh', ['-c', 'docker save "$1" | docker --host "$2" load --quiet', 'sh', image, this.address]);
  }

  /** Kills the engine; its containers run on until it is started again. */
  async kill(): Promise<void> {
    if (this.#dockerd !== undefined) await end(this.#dockerd, 'SIGKILL');
  }

  /** Ends it in order, and takes away what it had mounted. */
  async stop(): Promise<void> {
    if (this.#dockerd !== undefined) await end(this.#dockerd, 'SIGTERM');
    if (this.#containerd !== undefined) await end(this.#containerd, 'SIGTERM');
    const { stdout } = await execa('findmnt', ['--list', '--noheadings', '--output', 'TARGET']);
    const mounts = stdout.split('\n').filter((target) => target.startsWith(`${this.directory}/`));
    for (const mount of mounts.reverse()) await execa('umount', ['--lazy', mount], { reject: false });
  }

  async #startContainerd(): Promise<ChildProcess> {
    const settings = [
      'version = 2',
      `root = "${this.#at('containerd/root')}"`,
      `state = "${this.#at('containerd/state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = "${this.#at('containerd.sock')}"`,
    ];
    await writeFile(this.#at('containerd.toml'), `${settings.join('\n')}\n`);
    return this.#spawn('containerd', ['--config', this.#at('containerd.toml')]);
  }

  async #spawn(program: string, argv: string[]): Promise<ChildProcess> {
    const log = await open(this.#at('log'), 'a');
    const child = spawn(program, argv, { stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    return child;
  }

  async #lastWords(): Promise<string> {
    return (await execa('tail', ['-n', '20', this.#at('log')])).stdout;
  }

  #at(name: string): string {
    return path.join(this.directory, name);
  }
}

/** Killed when it takes too long. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await Promise.race([gone, sleep(20_000, undefined, { ref: false })]);
  child.kill('SIGKILL');
}
