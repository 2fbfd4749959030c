import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RealDevice } from '../../src/config/types.ts';
import { realConnection } from '../../src/device/ssh/connection.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { type Sshd, startSshd } from './openssh.ts';
import { temporaryDirectory } from './projects.ts';

/** The bench of a suite of tests; each test begins with nobody in known_hosts. */
export function sshBench(): SshBench {
  const bench = new SshBench();
  before(() => bench.start());
  after(() => bench.stop());
  beforeEach(() => writeFile(bench.knownHosts, ''));
  return bench;
}

/** A device and two jump hosts, OpenSSH servers on loopback, and the client's configuration of a user of their own. */
class SshBench {
  device!: Sshd;
  gate!: Sshd;
  inner!: Sshd;
  home!: string;
  readonly #signal = new AbortController().signal;

  async start(): Promise<void> {
    this.home = await temporaryDirectory('ssh-home');
    const servers = [startSshd({ hostKeys: ['ed25519', 'rsa'] }), startSshd(), startSshd()] as const;
    [this.device, this.gate, this.inner] = await Promise.all(servers);
  }

  async stop(): Promise<void> {
    await Promise.all([this.device, this.gate, this.inner].map((sshd) => sshd?.stop()));
  }

  get knownHosts(): string {
    return path.join(this.home, 'known_hosts');
  }

  /** The client's configuration, which `configure` writes. */
  get config(): string {
    return path.join(this.home, 'config');
  }

  environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.home, LOCKSTEP_SSH_CONFIG: this.config, ...more };
  }

  /** A configuration under which `bench` is the device; the jump hosts are `gate` and `inner`. */
  async configure(ofBench = ''): Promise<void> {
    const host = (name: string, sshd: Sshd, more: string) => `Host ${name}
      HostName 127.0.0.1
      Port ${sshd.port}
      User root
      IdentityFile ${sshd.identity}
      UserKnownHostsFile ${this.knownHosts}
      GlobalKnownHostsFile none
      ${more}\n`;
    const hosts = [host('bench', this.device, ofBench), host('gate', this.gate, ''), host('inner', this.inner, '')];
    await writeFile(this.config, hosts.join(''));
  }

  /** Puts a server's host key into known_hosts. */
  async know(sshd: Sshd, kind?: string): Promise<void> {
    await appendFile(this.knownHosts, `[127.0.0.1]:${sshd.port} ${await sshd.hostKey(kind)}\n`);
  }

  /** Logs in where lockstep.yml has `host: bench` and these keys. */
  async open(more: Partial<RealDevice> = {}, environment = this.environment()): Promise<Session> {
    const silent = { port: null, user: null, hostKey: null, identity: null, proxyJump: null };
    const to = await realConnection({ name: 'bench-1', host: 'bench', ...silent, ...more }, environment);
    return connect(to, { signal: this.#signal, environment, timeoutMs: 15_000 });
  }

  /** Who a login becomes on the other side: its user id. */
  async userOf(session: Session): Promise<string> {
    try {
      return (await session.exec(['id', '-u'])).stdout.trim();
    } finally {
      await session.close();
    }
  }
}
