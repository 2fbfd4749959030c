import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { deploy } from '../../src/commands/deploy.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { push } from '../../src/commands/push.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { DeviceDeployment } from '../../src/device/deploy.ts';
import { newOwner, takeLock } from '../../src/device/lock.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { trustFiles } from '../../src/image/signing/trust.ts';
import { makeKey } from '../image/gpg-keys.ts';
import { PanelProject } from './panel-project.ts';
import { ostree } from './projects.ts';
import { eventually, processesWith } from './toolboxes.ts';

const devicesYaml = `devices:
  virt-1: {virtual: true}
  bench-1: {host: 127.0.0.1, port: 9, identity: .lockstep/devices/virt-1/id_ed25519, hostKey: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
`;

describe('a virtual ARMv7 device', function () {
  this.timeout(20 * 60_000);
  let project: PanelProject;
  let disk: string;
  const never = new AbortController().signal;

  before(async () => {
    project = await PanelProject.make('device', devicesYaml);
    disk = path.join(workspaceOf(project.dir).devices, 'virt-1/disk.img');
    const key = await makeKey();
    const trust = await trustFiles('panel', { publicKey: key.publicFile }, { name: null, url: null });
    const demands = trust.map(({ path: name, content }) => [name.replace(/^etc/, 'usr/etc'), content.toString()]);
    await project.commit('next', { 'usr/share/lockstep-test': 'next', ...Object.fromEntries(demands) });
    await project.commit('unsigned', { 'usr/share/lockstep-test': 'unsigned' });
    await project.commitBroken();
    const { broken = '' } = project.commits;
    await ostree(project.dir, 'gpg-sign', `--gpg-homedir=${key.home}`, broken, key.fingerprint);
  });

  after(async () => {
    await project?.lockstep(devices, {}, ['down', 'virt-1']);
  });

  const onDevice = (...argv: string[]) => project.onDevice(argv);

  /** Once an sshd that was told to read its configuration anew listens again. */
  async function untilAnswers(): Promise<void> {
    const answers = () =>
      project.login().then(
        (session) => session.close().then(() => true),
        () => false,
      );
    expect(await eventually(answers, 30_000)).to.equal(true);
  }

  const booted = async () => /^\* \S+ ([0-9a-f]{64})\./m.exec(await onDevice('ostree', 'admin', 'status'))?.[1];
  const console_ = () => readFile(path.join(workspaceOf(project.dir).devices, 'virt-1/console.log'), 'utf8');

  it('boots the commit of its image through U-Boot, on an ARMv7 processor', async () => {
    const outcome = await project.lockstep(devices, { fresh: true }, ['up', 'virt-1']);
    expect(outcome.outcome).to.equal('ok');
    expect(await onDevice('uname', '-m')).to.equal('armv7l');
    expect(await booted()).to.equal(project.commits.base);
    expect(await console_())
      .to.include('U-Boot')
      .and.to.include('lockstep: starting');
  });

  it('is left alone when it is up already', async () => {
    expect((await project.lockstep(devices, {}, ['up', 'virt-1'])).outcome).to.equal('unchanged');
  });

  it('is listed with what it runs, beside a device that does not answer', async () => {
    const { devices: listed } = await project.lockstep(devices, {}, ['list', 'virt-1', 'bench-1']);
    const found = listed as { state: string; commit: string | null }[];
    expect(found[0]).to.include({ state: 'up', commit: project.commits.base });
    expect(found[1]).to.include({ state: 'E_SSH_UNREACHABLE', commit: null });
  });

  it('has all that deployments need', async () => {
    const outcome = await project.lockstep(devices, {}, ['check', 'virt-1']);
    expect(outcome.outcome, outcome.message).to.equal('ok');
  });

  it('gets back by --fix what it lacks, and nothing else is touched', async () => {
    const spoil = `echo AllowTcpForwarding no >/etc/ssh/sshd_config.d/90-strict.conf; systemctl reload ssh
for word in $(cat /proc/cmdline); do case $word in lockstep.counter=*) counter=\${word#*=} ;; esac; done
dd if=/dev/zero of="$counter" bs=1024 count=1 conv=fsync
echo '# older' >>/boot/boot.scr`;
    await onDevice('sh', '-c', spoil);
    await untilAnswers();
    const sums = async () => {
      const script = 'cd / && find etc boot/*.scr* -type f -exec sha256sum {} + | sort -k2';
      return (await onDevice('sh', '-c', script)).split('\n');
    };
    const before = await sums();
    const outcome = await project.lockstep(devices, { fix: true }, ['check', 'virt-1']);
    expect(outcome.outcome, outcome.message).to.equal('ok');
    const { findings } = (outcome.devices as { findings: { what: string; state: string }[] }[])[0]!;
    const fixed = findings.filter(({ state }) => state === 'fixed').map(({ what }) => what);
    expect(fixed).to.deep.equal(['forwarding', 'boot script', 'boot counter']);
    const changed = (await sums()).filter((line) => !before.includes(line)).map((line) => line.split('  ')[1]);
    expect(changed).to.deep.equal(['boot/boot.scr', 'boot/boot.scr.old', 'etc/ssh/sshd_config.d/00-lockstep.conf']);
    await onDevice('sh', '-c', 'rm /etc/ssh/sshd_config.d/[09]0-*.conf /boot/boot.scr.old; systemctl reload ssh');
    await untilAnswers();
  });

  it('goes on from a snapshot within seconds, in the boot of then', async () => {
    const bootId = await onDevice('cat', '/proc/sys/kernel/random/boot_id');
    expect((await project.lockstep(devices, {}, ['snapshot', 'virt-1', 'booted'])).outcome).to.equal('ok');
    await onDevice('sh', '-c', 'echo later >/var/later; sync');
    const outcome = await project.lockstep(devices, {}, ['restore', 'virt-1', 'booted']);
    expect((outcome.devices as { running: boolean }[])[0]?.running).to.equal(true);
    expect(await onDevice('cat', '/proc/sys/kernel/random/boot_id')).to.equal(bootId);
    expect(await onDevice('sh', '-c', 'ls /var/later 2>&1 || true')).to.include('No such file');
    const unknown = await project.lockstep(devices, {}, ['restore', 'virt-1', 'never']).catch((thrown) => thrown);
    expect(unknown).to.be.instanceOf(LockstepError).with.property('code', 'E_NO_SUCH_SNAPSHOT');
    expect(unknown.hint).to.include('booted');
  });

  it('takes a commit that is pushed, without running it', async () => {
    const outcome = await project.lockstep(push, { commit: 'test/next' }, [], { device: ['virt-1'] });
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect((outcome.devices as { bytesSent: number }[])[0]?.bytesSent).to.be.greaterThan(0);
    expect(await onDevice('ostree', 'rev-parse', '--repo=/ostree/repo', 'lockstep/pushed')).to.equal(
      project.commits.next,
    );
    expect(await booted()).to.equal(project.commits.base);
  });

  it('lets one deployment at a time work on it, and says whose that is', async () => {
    const session = await project.login();
    const lock = await takeLock(session, newOwner({ BUILD_TAG: 'nightly-7' }), { waitMs: 0, signal: never });
    const { outcome, device } = await project.deployed('test/next');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'refused', commit: project.commits.base });
    expect(device.reason).to.match(/locked by .*nightly-7 \(pid \d+\) for \d/);

    const waiting = await project.login();
    const second = takeLock(waiting, newOwner({}), { waitMs: 60_000, signal: never });
    await lock.release();
    await (await second).release();
    const third = takeLock(waiting, newOwner({}), { waitMs: 60_000, signal: never });
    // The lock of an owner that is cut off goes with its connection.
    await waiting.close();
    await third.catch(() => {});
    await (await takeLock(session, newOwner({}), { waitMs: 60_000, signal: never })).release();
    await session.close();
  });

  it('only reboots, and proves what it runs, when the commit was deployed already', async () => {
    await onDevice('sh', '-c', 'echo kept >/etc/of-this-device');
    await onDevice('ostree', 'admin', 'deploy', '--os=lockstep', project.commits.next ?? '');
    const { outcome, device } = await project.deployed('test/next');
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect(device).to.include({ verdict: 'deployed', commit: project.commits.next, reason: null });
    // Logins and questions, nothing of the commit, which was pushed before.
    expect(device.bytesSent).to.be.within(1_000, 200_000);
    expect(device.steps.map(({ name, ok }) => `${name} ${ok}`)).to.deep.equal(
      ['connect', 'deploy', 'reboot', 'prove'].map((name) => `${name} true`),
    );
    expect(device.steps[1]?.detail).to.equal('it was deployed already');
    expect(await booted()).to.equal(project.commits.next);
    expect(await onDevice('cat', '/usr/share/lockstep-test')).to.equal('next');
    const evidence = path.join(workspaceOf(project.dir).run, 'devices/virt-1');
    expect(await readFile(path.join(evidence, 'deploy-journal.txt'), 'utf8')).to.include('systemd');
    expect(await readFile(path.join(evidence, 'deploy-status.txt'), 'utf8')).to.include(project.commits.next);
    expect(await readFile(path.join(evidence, 'deploy-console.txt'), 'utf8')).to.include(
      'lockstep: boot 1 of 3 on trial',
    );
    expect(await onDevice('cat', '/etc/of-this-device')).to.equal('kept');
    // Confirmed by the device: the trial is over, and the older deployment need not be kept.
    expect(await onDevice('cat', '/var/lib/lockstep/ended')).to.include('result=confirmed');
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include('Pinned');
  });

  it('is not touched when it runs the commit already', async () => {
    const bootId = await onDevice('cat', '/proc/sys/kernel/random/boot_id');
    const { outcome, device } = await project.deployed('test/next');
    expect(outcome.outcome).to.equal('unchanged');
    expect(device).to.include({ verdict: 'unchanged', commit: project.commits.next });
    expect(device.bytesSent).to.be.within(1_000, 20_000);
    expect(await onDevice('cat', '/proc/sys/kernel/random/boot_id')).to.equal(bootId);
  });

  it('refuses a commit without the signature that its image demands, and stays as it is', async () => {
    const { outcome, device } = await project.deployed('test/unsigned');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'refused', commit: project.commits.next });
    expect(device.reason).to.include('takes only signed commits');
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(project.commits.unsigned);
  });

  // Before another deployment: that drops the older one.
  it('goes back to the older deployment when it is told to', async () => {
    const outcome = await project.lockstep(deploy, { rollback: true }, [], { device: ['virt-1'] });
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect((outcome.devices as DeviceDeployment[])[0]).to.include({
      verdict: 'deployed',
      wanted: project.commits.base,
    });
    expect(await booted()).to.equal(project.commits.base);
  });

  it('comes back with the commit it had when the new one does not start', async () => {
    const { outcome, device } = await project.deployed('test/broken');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'rolled-back', commit: project.commits.base });
    expect(await console_()).to.include('lockstep: the deployment on trial was not confirmed');
    // The bad deployment must not be what the next boot takes.
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(project.commits.broken);
  });

  it('is gone after it is stopped, and says so', async () => {
    expect((await project.lockstep(devices, {}, ['down', 'virt-1'])).outcome).to.equal('ok');
    expect(await processesWith(`file=${disk}`)).to.deep.equal([]);
    expect((await project.lockstep(devices, {}, ['down', 'virt-1'])).outcome).to.equal('unchanged');
    const { device } = await project.deployed('test/next');
    expect(device).to.include({ verdict: 'unreachable' });
  });

  it('shares nothing with the build repository that it could damage', async () => {
    const { exitCode } = await execa('ostree', ['fsck', `--repo=${workspaceOf(project.dir).repo}`], { reject: false });
    expect(exitCode).to.equal(0);
  });
});
