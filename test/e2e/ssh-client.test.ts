import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { execa } from 'execa';
import type { RealDevice } from '../../src/config/types.ts';
import { realConnection } from '../../src/device/ssh/connection.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { refusal } from '../refusal.ts';
import { guestUser, type Sshd, startSshd } from './openssh.ts';
import { temporaryDirectory } from './projects.ts';

describe('a device behind OpenSSH', function () {
  this.timeout(60_000);
  const signal = new AbortController().signal;
  let device: Sshd;
  let gate: Sshd;
  let inner: Sshd;
  let home: string;
  let knownHosts: string;

  before(async () => {
    [device, gate, inner] = await Promise.all([startSshd({ hostKeys: ['ed25519', 'rsa'] }), startSshd(), startSshd()]);
    home = await temporaryDirectory('ssh-home');
    knownHosts = path.join(home, 'known_hosts');
  });
  after(() => Promise.all([device, gate, inner].map((sshd) => sshd?.stop())));
  beforeEach(() => writeFile(knownHosts, ''));

  const environment = (more: NodeJS.ProcessEnv = {}) => {
    return { PATH: process.env.PATH, HOME: home, LOCKSTEP_SSH_CONFIG: path.join(home, 'config'), ...more };
  };

  /** A configuration under which `bench` is the device; the jump hosts are `gate` and `inner`. */
  async function configure(ofBench = ''): Promise<void> {
    const host = (name: string, sshd: Sshd, more: string) => `Host ${name}
      HostName 127.0.0.1
      Port ${sshd.port}
      User root
      IdentityFile ${sshd.identity}
      UserKnownHostsFile ${knownHosts}
      GlobalKnownHostsFile none
      ${more}\n`;
    const hosts = [host('bench', device, ofBench), host('gate', gate, ''), host('inner', inner, '')];
    await writeFile(path.join(home, 'config'), hosts.join(''));
  }
  async function know(sshd: Sshd, kind?: string): Promise<void> {
    await appendFile(knownHosts, `[127.0.0.1]:${sshd.port} ${await sshd.hostKey(kind)}\n`);
  }
  async function open(more: Partial<RealDevice> = {}, env = environment()): Promise<Session> {
    const silent = { port: null, user: null, hostKey: null, identity: null, proxyJump: null };
    const to = await realConnection({ name: 'bench-1', host: 'bench', ...silent, ...more }, env);
    return connect(to, { signal, environment: env, timeoutMs: 15_000 });
  }
  async function says(session: Session): Promise<string> {
    try {
      return (await session.exec(['id', '-u'])).stdout.trim();
    } finally {
      await session.close();
    }
  }

  describe('whose host key is not pinned', () => {
    it('is let in by a line of known_hosts that ssh-keygen hashed', async () => {
      await configure();
      await know(device);
      await execa('ssh-keygen', ['-H', '-f', knownHosts]);
      expect(await readFile(knownHosts, 'utf8')).to.match(/^\|1\|/);
      expect(await says(await open())).to.equal('0');
    });

    it('is refused when nobody knows it: with its fingerprint, without a login, and nothing is written down', async () => {
      await configure();
      const before = await device.log();
      const error = await refusal(open(), 'E_SSH_HOST_KEY_UNKNOWN');
      expect(error.message)
        .to.include(await device.fingerprint())
        .and.include(knownHosts);
      expect(error.hint).to.include(`hostKey: "${await device.fingerprint()}"`);
      expect(await readFile(knownHosts, 'utf8')).to.equal('');
      expect((await device.log()).slice(before.length)).not.to.include('publickey');
    });

    it('is refused although the client would take any key', async () => {
      await configure('StrictHostKeyChecking no');
      await refusal(open(), 'E_SSH_HOST_KEY_UNKNOWN');
    });

    it('shows the kind of key that is known, where it would show another first', async () => {
      await configure();
      await know(device, 'rsa');
      expect(await says(await open())).to.equal('0');
    });

    it('is refused when another key is known, and when its own is revoked', async () => {
      await configure();
      await appendFile(knownHosts, `[127.0.0.1]:${device.port} ${await gate.hostKey()}\n`);
      const changed = await refusal(open(), 'E_SSH_HOST_KEY');
      expect(changed.message)
        .to.include(await gate.fingerprint())
        .and.include(`${knownHosts}:1`);
      await writeFile(knownHosts, `@revoked * ${await device.hostKey()}\n`);
      await know(device);
      expect((await refusal(open(), 'E_SSH_HOST_KEY')).message).to.include('revokes');
    });

    it('is known by its alias', async () => {
      await configure('HostKeyAlias panel-7');
      await writeFile(knownHosts, `panel-7 ${await device.hostKey()}\n`);
      expect(await says(await open())).to.equal('0');
    });
  });

  it('is judged by the pin of lockstep.yml alone where there is one', async () => {
    await configure();
    await know(gate);
    expect(await says(await open({ hostKey: await device.fingerprint() }))).to.equal('0');
    await know(device);
    await refusal(open({ hostKey: await gate.fingerprint() }), 'E_SSH_HOST_KEY');
  });

  it('is reached at the port and with the key of lockstep.yml rather than the client’s', async () => {
    await configure();
    const { port, identity } = gate;
    const session = await open({ port, identity, hostKey: await gate.fingerprint() });
    expect(await says(session)).to.equal('0');
  });

  describe('whose key an agent holds', () => {
    let agent: { socket: string; pid: number };
    const keys = async (...args: string[]) =>
      execa('ssh-add', args, { env: { SSH_AUTH_SOCK: agent.socket, SSH_ASKPASS_REQUIRE: 'never' } });

    before(async () => {
      const socket = path.join(home, 'agent');
      const { stdout } = await execa('ssh-agent', ['-a', socket]);
      agent = { socket, pid: Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]) };
      // sshd gives up after six keys.
      for (let each = 0; each < 8; each++) {
        const file = path.join(home, `other_${each}`);
        await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
        await keys('-q', file);
      }
      await keys('-q', device.identity);
    });
    after(() => process.kill(agent.pid));
    beforeEach(() => know(device));

    it('is asked with that key alone when IdentitiesOnly says so', async () => {
      const publicHalf = path.join(home, 'bench.pub');
      await copyFile(`${device.identity}.pub`, publicHalf);
      await writeFile(
        path.join(home, 'config'),
        `Host bench\n HostName 127.0.0.1\n Port ${device.port}\n IdentitiesOnly yes\n IdentityFile ${publicHalf}
         UserKnownHostsFile ${knownHosts}\n IdentityAgent ${agent.socket}\n`,
      );
      expect(await says(await open())).to.equal('0');
    });

    it('is asked with that key alone when lockstep.yml names it and the file has a passphrase', async () => {
      await configure();
      const locked = path.join(home, 'locked');
      await copyFile(device.identity, locked);
      await copyFile(`${device.identity}.pub`, `${locked}.pub`);
      await execa('ssh-keygen', ['-q', '-p', '-N', 'secret', '-f', locked]);
      const session = await open({ identity: locked }, environment({ SSH_AUTH_SOCK: agent.socket }));
      expect(await says(session)).to.equal('0');
      const error = await refusal(open({ identity: locked }), 'E_SSH_AUTH');
      expect(error.message).to.include(locked);
      expect(error.hint).to.include('ssh-add');
    });

    it('is asked with none of them when IdentityAgent says so', async () => {
      await configure('IdentityAgent none');
      expect(await says(await open({}, environment({ SSH_AUTH_SOCK: agent.socket })))).to.equal('0');
    });
  });

  describe('behind jump hosts', () => {
    const sshProcesses = async () => {
      const { stdout } = await execa('ps', ['-eo', 'args']);
      return stdout.split('\n').filter((line) => line.startsWith('ssh ') && line.includes(home));
    };

    it('is reached through one, for commands, for forwarded ports and much data', async () => {
      await configure('ProxyJump gate');
      await Promise.all([device, gate].map((sshd) => know(sshd)));
      const session = await open();
      const megabytes = Buffer.alloc(8_000_000, 'x');
      const server = createServer((_request, response) => response.end(megabytes));
      const forward = await session.forward(server);
      const answer = await fetch(`http://127.0.0.1:${forward.port}/`).then((response) => response.arrayBuffer());
      expect(answer.byteLength).to.equal(megabytes.length);
      forward.close();
      expect(await sshProcesses()).to.have.length(1);
      expect(await says(session)).to.equal('0');
      expect(await gate.log()).to.include('Accepted publickey for root');
      expect(await sshProcesses()).to.deep.equal([]);
    });

    it('is reached through two that lockstep.yml names, whatever the client would do', async () => {
      await configure('ProxyJump nowhere.invalid');
      await Promise.all([device, gate, inner].map((sshd) => know(sshd)));
      const before = await inner.log();
      expect(await says(await open({ proxyJump: 'gate,inner' }))).to.equal('0');
      expect((await inner.log()).slice(before.length)).to.include('Accepted publickey for root');
      expect(await sshProcesses()).to.deep.equal([]);
    });

    it('is not reached through one whose key nobody knows', async () => {
      await configure('ProxyJump gate,inner\n StrictHostKeyChecking no');
      await Promise.all([device, inner].map((sshd) => know(sshd)));
      const before = await readFile(knownHosts, 'utf8');
      const error = await refusal(open(), 'E_SSH_HOST_KEY_UNKNOWN');
      expect(error.message).to.include('on the way there').and.include('Host key verification failed');
      expect(await readFile(knownHosts, 'utf8')).to.equal(before);
      expect(await sshProcesses()).to.deep.equal([]);
    });

    it('is not reached through one that takes no key, or that is not there', async () => {
      await configure('ProxyJump gate');
      await Promise.all([device, gate].map((sshd) => know(sshd)));
      await writeFile(
        path.join(home, 'config'),
        (await readFile(path.join(home, 'config'), 'utf8')).replace(gate.identity, inner.identity),
      );
      expect((await refusal(open(), 'E_SSH_AUTH')).message)
        .to.include('on the way there')
        .and.include('Permission denied');
      await configure('ProxyJump 127.0.0.1:9');
      expect((await refusal(open(), 'E_SSH_UNREACHABLE')).message).to.include('Connection refused');
    });

    it('is reached by a command of the client’s configuration', async () => {
      await mkdir(path.join(home, 'bin'), { recursive: true });
      const relay = path.join(home, 'bin/relay.mjs');
      await writeFile(
        relay,
        `import net from 'node:net';
const socket = net.connect(Number(process.argv[3]), process.argv[2]);
process.stdin.pipe(socket).pipe(process.stdout);\n`,
      );
      await configure(`ProxyCommand ${process.execPath} ${relay} %h %p`);
      await know(device);
      expect(await says(await open())).to.equal('0');
    });
  });

  describe('with a user who is not root', () => {
    const sudoers = (rule: string) => `Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n${rule}\n`;
    async function asGuest(options: Parameters<typeof startSshd>[0], work: (session: Session) => Promise<void>) {
      const sshd = await startSshd(options);
      try {
        const at = { host: '127.0.0.1', port: sshd.port, user: guestUser, identity: sshd.identity };
        const session = await open({ ...at, hostKey: await sshd.fingerprint() });
        await work(session).finally(() => session.close());
      } finally {
        await sshd.stop();
      }
    }
    const failureOf = async (session: Session) => refusal(session.exec(['id', '-u']), 'E_DEVICE_PREPARE');

    it('works as root by sudo, and tells a command that fails from sudo that refuses', async () => {
      await asGuest({ sudoers: sudoers(`${guestUser} ALL=(root) NOPASSWD: ALL`) }, async (session) => {
        expect((await session.exec(['id', '-u'])).stdout.trim()).to.equal('0');
        expect((await session.script('printf %s "$1"', { args: ["it's $HOME"] })).stdout).to.equal("it's $HOME");
        const input = Readable.from([Buffer.alloc(300_000, 'x'), Buffer.from('end')]);
        expect((await session.exec(['wc', '-c'], { input })).stdout.trim()).to.equal('300003');
        expect((await session.exec(['false'], { check: false })).exitCode).to.equal(1);
        const error = await refusal(session.script('echo no such thing >&2; exit 3'), 'E_DEVICE_COMMAND');
        expect(error.message).to.include('exit code 3').and.include('no such thing');
      });
    });

    it('is told to have a rule when sudo asks for a password', async () => {
      await asGuest({ sudoers: sudoers(`${guestUser} ALL=(root) ALL`) }, async (session) => {
        const error = await failureOf(session);
        expect(error.message).to.include('asks for a password').and.include(guestUser);
        expect(error.hint).to.include(`${guestUser} ALL=(root) NOPASSWD: ALL`);
      });
    });

    it('is told so when sudo allows other commands alone', async () => {
      await asGuest({ sudoers: sudoers(`${guestUser} ALL=(root) NOPASSWD: /bin/true`) }, async (session) => {
        expect((await failureOf(session)).message).to.include('cannot become root');
      });
    });

    it('is told so when there is no sudo', async () => {
      await asGuest({ settings: ['SetEnv PATH=/nonexistent'] }, async (session) => {
        expect((await failureOf(session)).message).to.include('there is no sudo');
      });
    });
  });
});
