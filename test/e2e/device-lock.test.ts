import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { newOwner, type Owner, takeLock } from '../../src/device/lock.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { refusal } from '../refusal.ts';
import { type Sshd, startSshd } from './openssh.ts';
import { temporaryDirectory } from './projects.ts';

describe('the lock of a device', function () {
  this.timeout(60_000);
  const { signal } = new AbortController();
  const sessions: Session[] = [];
  let device: Sshd;
  let dir: string;

  before(async () => {
    dir = await temporaryDirectory('lock');
    await mkdir(path.join(dir, 'run/sshd'), { recursive: true });
    await upFor(1_000);
    const mounts = { '/run': `${dir}/run`, '/var/lib': `${dir}/lib`, '/proc/uptime': `${dir}/uptime` };
    await mkdir(mounts['/var/lib']);
    device = await startSshd({ mounts });
  });
  after(() => device?.stop());
  beforeEach(async () => {
    await rm(path.join(dir, 'run/lockstep'), { recursive: true, force: true });
    await mkdir(path.join(dir, 'lib/lockstep'), { recursive: true });
    await rm(path.join(dir, 'lib/lockstep'), { recursive: true });
    await upFor(1_000);
  });
  afterEach(() => Promise.all(sessions.splice(0).map((session) => session.close())));

  const upFor = (seconds: number) => writeFile(path.join(dir, 'uptime'), `${seconds}.50 12.00\n`);

  async function login(): Promise<Session> {
    const to = { name: 'bench-1', host: '127.0.0.1', port: device.port, user: 'root', identity: device.identity };
    const session = await connect({ ...to, hostKey: await device.fingerprint() }, { signal });
    sessions.push(session);
    return session;
  }
  const lock = (session: Session, owner: Owner) => takeLock(session, owner, { waitMs: 0, signal });

  /** As a trial leaves it behind: who rebooted the device, from which boot. */
  async function rebootedBy(owner: string, boot: string): Promise<void> {
    await mkdir(path.join(dir, 'lib/lockstep'), { recursive: true });
    await writeFile(path.join(dir, 'lib/lockstep/owner'), `${owner}\nboot=${boot}\n`);
  }
  const other = 'token=t-1\nwho=ci@elsewhere\nhost=elsewhere\npid=42';

  it("is one agent's at a time, who is named to the other", async () => {
    const held = await lock(await login(), newOwner({ BUILD_TAG: 'jenkins-panel-7' }));
    const error = await refusal(lock(await login(), newOwner({})), 'E_DEVICE_LOCKED');
    expect(error.message).to.match(/bench-1 is locked by .*@.*, jenkins-panel-7 \(pid \d+\) for 0/);
    await held.release();
    await (await lock(await login(), newOwner({}))).release();
  });

  it('goes with the connection of who has it', async () => {
    const first = await login();
    await lock(first, newOwner({}));
    await first.close();
    const again = await takeLock(await login(), newOwner({}), { waitMs: 20_000, signal });
    await again.release();
  });

  it('tells by its turn whether somebody had it meanwhile', async () => {
    const turnOf = async () => {
      const held = await lock(await login(), newOwner({}));
      await held.release();
      return Number(held.turn);
    };
    const [one, next] = [await turnOf(), await turnOf()];
    expect(one).to.equal(0);
    // Once for when it was taken, once for when it was given back: what is done under it lies in between.
    expect(next).to.equal(2);
    expect(await readFile(path.join(dir, 'run/lockstep/turn'), 'utf8')).to.equal('4\n');
  });

  it('is kept for a minute after a reboot for who rebooted the device', async () => {
    await rebootedBy(other, 'an-earlier-boot');
    await upFor(40);
    const error = await refusal(lock(await login(), newOwner({})), 'E_DEVICE_LOCKED');
    expect(error.message).to.equal('device bench-1 is locked by ci@elsewhere (pid 42), across a reboot');
    await upFor(101);
    await (await lock(await login(), newOwner({}))).release();
  });

  it('is not kept by a device that has been up for long', async () => {
    await rebootedBy(other, 'an-earlier-boot');
    await upFor(600);
    await (await lock(await login(), newOwner({}))).release();
  });

  it('is kept while the device goes down, however long it was up', async () => {
    await rebootedBy(other, (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim());
    await writeFile(path.join(dir, 'lib/lockstep/rebooting'), '');
    await refusal(lock(await login(), newOwner({})), 'E_DEVICE_LOCKED');
  });

  it('is given back at once to who rebooted the device', async () => {
    const mine = newOwner({});
    await rebootedBy(mine.lines, 'an-earlier-boot');
    await upFor(40);
    await (await lock(await login(), mine)).release();
  });

  it('is not kept for an agent of this machine that has died', async () => {
    const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
    await rebootedBy(`token=t-1\nwho=me\nhost=${hostname()}\npid=${dead}`, 'an-earlier-boot');
    await upFor(40);
    await (await lock(await login(), newOwner({}))).release();
  });
});
