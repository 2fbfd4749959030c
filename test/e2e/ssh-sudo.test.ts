import { Readable } from 'node:stream';
import { expect } from 'chai';
import type { Session } from '../../src/device/ssh/session.ts';
import { refusal } from '../refusal.ts';
import { guestUser, startSshd } from './openssh.ts';
import { sshBench } from './ssh-bench.ts';

describe('a device with a user who is not root', function () {
  this.timeout(60_000);
  const bench = sshBench();

  const sudoers = (rule: string) => `Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n${rule}\n`;
  async function asGuest(options: Parameters<typeof startSshd>[0], work: (session: Session) => Promise<void>) {
    const sshd = await startSshd(options);
    try {
      const at = { host: '127.0.0.1', port: sshd.port, user: guestUser, identity: sshd.identity };
      const session = await bench.open({ ...at, hostKey: await sshd.fingerprint() });
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
