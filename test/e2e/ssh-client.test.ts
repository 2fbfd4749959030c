import { appendFile, copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { refusal } from '../refusal.ts';
import { sshBench } from './ssh-bench.ts';

describe('a device behind OpenSSH', function () {
  this.timeout(60_000);
  const bench = sshBench();

  describe('whose host key is not pinned', () => {
    it('is let in by a line of known_hosts that ssh-keygen hashed', async () => {
      await bench.configure();
      await bench.know(bench.device);
      await execa('ssh-keygen', ['-H', '-f', bench.knownHosts]);
      expect(await readFile(bench.knownHosts, 'utf8')).to.match(/^\|1\|/);
      expect(await bench.userOf(await bench.open())).to.equal('0');
    });

    it('is refused when nobody knows it: with its fingerprint, without a login, and nothing is written down', async () => {
      await bench.configure();
      const before = await bench.device.log();
      const error = await refusal(bench.open(), 'E_SSH_HOST_KEY_UNKNOWN');
      expect(error.message)
        .to.include(await bench.device.fingerprint())
        .and.include(bench.knownHosts);
      expect(error.hint).to.include(`hostKey: "${await bench.device.fingerprint()}"`);
      expect(await readFile(bench.knownHosts, 'utf8')).to.equal('');
      expect((await bench.device.log()).slice(before.length)).not.to.include('publickey');
    });

    it('is refused although the client would take any key', async () => {
      await bench.configure('StrictHostKeyChecking no');
      await refusal(bench.open(), 'E_SSH_HOST_KEY_UNKNOWN');
    });

    it('shows the kind of key that is known, where it would show another first', async () => {
      await bench.configure();
      await bench.know(bench.device, 'rsa');
      expect(await bench.userOf(await bench.open())).to.equal('0');
    });

    it('is refused when another key is known, and when its own is revoked', async () => {
      await bench.configure();
      await appendFile(bench.knownHosts, `[127.0.0.1]:${bench.device.port} ${await bench.gate.hostKey()}\n`);
      const changed = await refusal(bench.open(), 'E_SSH_HOST_KEY');
      expect(changed.message)
        .to.include(await bench.gate.fingerprint())
        .and.include(`${bench.knownHosts}:1`);
      await writeFile(bench.knownHosts, `@revoked * ${await bench.device.hostKey()}\n`);
      await bench.know(bench.device);
      expect((await refusal(bench.open(), 'E_SSH_HOST_KEY')).message).to.include('revokes');
    });

    it('is known by its alias', async () => {
      await bench.configure('HostKeyAlias panel-7');
      await writeFile(bench.knownHosts, `panel-7 ${await bench.device.hostKey()}\n`);
      expect(await bench.userOf(await bench.open())).to.equal('0');
    });
  });

  it('is judged by the pin of lockstep.yml alone where there is one', async () => {
    await bench.configure();
    await bench.know(bench.gate);
    expect(await bench.userOf(await bench.open({ hostKey: await bench.device.fingerprint() }))).to.equal('0');
    await bench.know(bench.device);
    await refusal(bench.open({ hostKey: await bench.gate.fingerprint() }), 'E_SSH_HOST_KEY');
  });

  it('is reached at the port and with the key of lockstep.yml rather than the client’s', async () => {
    await bench.configure();
    const { port, identity } = bench.gate;
    const session = await bench.open({ port, identity, hostKey: await bench.gate.fingerprint() });
    expect(await bench.userOf(session)).to.equal('0');
  });

  describe('whose key an agent holds', () => {
    let agent: { socket: string; pid: number };
    const keys = async (...args: string[]) =>
      execa('ssh-add', args, { env: { SSH_AUTH_SOCK: agent.socket, SSH_ASKPASS_REQUIRE: 'never' } });

    before(async () => {
      const socket = path.join(bench.home, 'agent');
      const { stdout } = await execa('ssh-agent', ['-a', socket]);
      agent = { socket, pid: Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]) };
      // sshd gives up after six keys.
      for (let each = 0; each < 8; each++) {
        const file = path.join(bench.home, `other_${each}`);
        await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
        await keys('-q', file);
      }
      await keys('-q', bench.device.identity);
    });
    after(() => process.kill(agent.pid));
    beforeEach(() => bench.know(bench.device));

    it('is asked with that key alone when IdentitiesOnly says so', async () => {
      const publicHalf = path.join(bench.home, 'bench.pub');
      await copyFile(`${bench.device.identity}.pub`, publicHalf);
      await writeFile(
        bench.config,
        `Host bench\n HostName 127.0.0.1\n Port ${bench.device.port}\n IdentitiesOnly yes\n IdentityFile ${publicHalf}
         UserKnownHostsFile ${bench.knownHosts}\n IdentityAgent ${agent.socket}\n`,
      );
      expect(await bench.userOf(await bench.open())).to.equal('0');
    });

    it('is asked with that key alone when lockstep.yml names it and the file has a passphrase', async () => {
      await bench.configure();
      const locked = path.join(bench.home, 'locked');
      await copyFile(bench.device.identity, locked);
      await copyFile(`${bench.device.identity}.pub`, `${locked}.pub`);
      await execa('ssh-keygen', ['-q', '-p', '-N', 'secret', '-f', locked]);
      const session = await bench.open({ identity: locked }, bench.environment({ SSH_AUTH_SOCK: agent.socket }));
      expect(await bench.userOf(session)).to.equal('0');
      const error = await refusal(bench.open({ identity: locked }), 'E_SSH_AUTH');
      expect(error.message).to.include(locked);
      expect(error.hint).to.include('ssh-add');
    });

    it('is asked with none of them when IdentityAgent says so', async () => {
      await bench.configure('IdentityAgent none');
      expect(await bench.userOf(await bench.open({}, bench.environment({ SSH_AUTH_SOCK: agent.socket })))).to.equal(
        '0',
      );
    });
  });
});
