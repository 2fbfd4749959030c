import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { openContext } from '../../src/commands/context.ts';
import { deploy } from '../../src/commands/deploy.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { push } from '../../src/commands/push.ts';
import type { Outcome, Verb } from '../../src/commands/verb.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { DeviceDeployment } from '../../src/device/deploy.ts';
import { newOwner, takeLock } from '../../src/device/lock.ts';
import { connectionOf } from '../../src/device/ssh/connection.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { trustFiles } from '../../src/image/signing/trust.ts';
import { silent } from '../../src/progress/progress.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { bootableRepo, ostree, projectWith } from './projects.ts';
import { eventually, processesWith } from './toolboxes.ts';

const yaml = `images:
  panel:
    arch: armhf
    suites: [bookworm]
    packages: [systemd-sysv]
devices:
  virt-1: {virtual: true}
  virt-2: {virtual: true}
  bench-1: {host: 127.0.0.1, port: 9, identity: .lockstep/devices/virt-1/id_ed25519, hostKey: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
`;

describe('a virtual ARMv7 device', function () {
  this.timeout(20 * 60_000);
  const never = new AbortController().signal;
  let dir: string;
  let disk: string;
  const commits: Record<string, string> = {};
  let key: MadeKey;

  before(async () => {
    const source = await bootableRepo();
    dir = await projectWith('device', yaml);
    disk = path.join(workspaceOf(dir).devices, 'virt-1/disk.img');
    await mkdir(workspaceOf(dir).dir);
    await ostree(dir, 'init', '--mode=bare');
    await ostree(dir, 'pull-local', source, 'panel/armhf');
    commits.base = await ostree(dir, 'rev-parse', 'panel/armhf');
    key = await makeKey();
    const trust = await trustFiles('panel', { publicKey: key.publicFile }, { name: null, url: null });
    const demands = trust.map(({ path: name, content }) => [name.replace(/^etc/, 'usr/etc'), content.toString()]);
    await commit('next', { 'usr/share/lockstep-test': 'next', ...Object.fromEntries(demands) });
    await commit('unsigned', { 'usr/share/lockstep-test': 'unsigned' });
    const kernel = (await ostree(dir, 'ls', 'panel/armhf', '/usr/lib/modules')).trim().split('/').at(-1);
    await commit('broken', { [`usr/lib/modules/${kernel}/vmlinuz`]: 'not a kernel' });
    await ostree(dir, 'gpg-sign', `--gpg-homedir=${key.home}`, commits.broken ?? '', key.fingerprint);
  });

  after(async () => {
    await lockstep(devices, {}, ['down', 'virt-1', 'virt-2']);
  });

  /** A commit of the panel with some files laid over it, as ref test/NAME. */
  async function commit(name: string, files: Record<string, string>): Promise<void> {
    const tree = path.join(dir, `tree-${name}`);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await writeFile(path.join(tree, file), text);
    }
    const trees = ['--tree=ref=panel/armhf', `--tree=dir=${tree}`];
    commits[name] = await ostree(dir, 'commit', `--branch=test/${name}`, '--timestamp=@0', ...trees);
  }

  /** Runs a verb in the project as the command line does. */
  async function lockstep<Options>(
    verb: Verb<Options>,
    options: Options,
    args: string[] = [],
    { device, signal = never }: { device?: string[]; signal?: AbortSignal } = {},
  ): Promise<Outcome> {
    const context = openContext({ C: dir, toolbox: 'host', device }, silent, signal);
    try {
      return await verb.run(context, options, args);
    } finally {
      await context.close();
    }
  }

  async function deployed(revision: string): Promise<{ outcome: Outcome; device: DeviceDeployment }> {
    const outcome = await lockstep(deploy, { commit: revision }, [], { device: ['virt-1'] });
    return { outcome, device: (outcome.devices as DeviceDeployment[])[0]! };
  }

  async function login(): Promise<Session> {
    const { devices: known } = await openContext({ C: dir }, silent, never).config();
    const device = known.find(({ name }) => name === 'virt-1')!;
    return connect(await connectionOf(device, workspaceOf(dir)), { signal: never });
  }

  /** Once an sshd that was told to read its configuration anew listens again. */
  async function untilAnswers(): Promise<void> {
    const answers = () =>
      login().then(
        (session) => session.close().then(() => true),
        () => false,
      );
    expect(await eventually(answers, 30_000)).to.equal(true);
  }

  async function onDevice(...argv: string[]): Promise<string> {
    const session = await login();
    try {
      return (await session.exec(argv)).stdout.trim();
    } finally {
      await session.close();
    }
  }

  const booted = async () => /^\* \S+ ([0-9a-f]{64})\./m.exec(await onDevice('ostree', 'admin', 'status'))?.[1];
  const console_ = () => readFile(path.join(workspaceOf(dir).devices, 'virt-1/console.log'), 'utf8');

  it('is listed as absent, and has nothing to deploy to, before it is made', async () => {
    const { devices: listed } = await lockstep(devices, {}, ['list', 'virt-1']);
    expect((listed as { state: string }[])[0]?.state).to.equal('absent');
    const { device, outcome } = await deployed('test/next');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device.verdict).to.equal('unreachable');
    expect(device.reason).to.include('virt-1');
  });

  it('wants a commit that exists', async () => {
    const error = await lockstep(devices, { commit: 'test/none' }, ['up', 'virt-1']).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_NOT_BUILT');
    expect(await processesWith(disk)).to.deep.equal([]);
  });

  it('leaves no machine behind when it is interrupted while it boots', async () => {
    const controller = new AbortController();
    const work = lockstep(devices, {}, ['up', 'virt-1'], { signal: controller.signal }).catch((thrown) => thrown);
    expect(await eventually(async () => (await processesWith(`file=${disk}`)).length > 0, 120_000)).to.equal(true);
    controller.abort();
    expect(await work)
      .to.be.instanceOf(LockstepError)
      .with.property('code', 'E_INTERRUPTED');
    expect(await processesWith(`file=${disk}`)).to.deep.equal([]);
  });

  it('boots the commit of its image through U-Boot, on an ARMv7 processor', async () => {
    const outcome = await lockstep(devices, { fresh: true }, ['up', 'virt-1']);
    expect(outcome.outcome).to.equal('ok');
    expect(await onDevice('uname', '-m')).to.equal('armv7l');
    expect(await booted()).to.equal(commits.base);
    expect(await console_())
      .to.include('U-Boot')
      .and.to.include('lockstep: starting');
  });

  it('is left alone when it is up already', async () => {
    expect((await lockstep(devices, {}, ['up', 'virt-1'])).outcome).to.equal('unchanged');
  });

  it('is listed with what it runs, beside a device that does not answer', async () => {
    const { devices: listed } = await lockstep(devices, {}, ['list', 'virt-1', 'bench-1']);
    const found = listed as { state: string; commit: string | null }[];
    expect(found[0]).to.include({ state: 'up', commit: commits.base });
    expect(found[1]).to.include({ state: 'E_SSH_UNREACHABLE', commit: null });
  });

  it('has all that deployments need', async () => {
    const outcome = await lockstep(devices, {}, ['check', 'virt-1']);
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
    const outcome = await lockstep(devices, { fix: true }, ['check', 'virt-1']);
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
    expect((await lockstep(devices, {}, ['snapshot', 'virt-1', 'booted'])).outcome).to.equal('ok');
    await onDevice('sh', '-c', 'echo later >/var/later; sync');
    const outcome = await lockstep(devices, {}, ['restore', 'virt-1', 'booted']);
    expect((outcome.devices as { running: boolean }[])[0]?.running).to.equal(true);
    expect(await onDevice('cat', '/proc/sys/kernel/random/boot_id')).to.equal(bootId);
    expect(await onDevice('sh', '-c', 'ls /var/later 2>&1 || true')).to.include('No such file');
    const unknown = await lockstep(devices, {}, ['restore', 'virt-1', 'never']).catch((thrown) => thrown);
    expect(unknown).to.be.instanceOf(LockstepError).with.property('code', 'E_NO_SUCH_SNAPSHOT');
    expect(unknown.hint).to.include('booted');
  });

  it('takes a commit that is pushed, without running it', async () => {
    const outcome = await lockstep(push, { commit: 'test/next' }, [], { device: ['virt-1'] });
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect((outcome.devices as { bytesSent: number }[])[0]?.bytesSent).to.be.greaterThan(0);
    expect(await onDevice('ostree', 'rev-parse', '--repo=/ostree/repo', 'lockstep/pushed')).to.equal(commits.next);
    expect(await booted()).to.equal(commits.base);
  });

  it('lets one deployment at a time work on it, and says whose that is', async () => {
    const session = await login();
    const lock = await takeLock(session, newOwner({ BUILD_TAG: 'nightly-7' }), { waitMs: 0, signal: never });
    const { outcome, device } = await deployed('test/next');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'refused', commit: commits.base });
    expect(device.reason).to.match(/locked by .*nightly-7 \(pid \d+\) for \d/);

    const waiting = await login();
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
    await onDevice('ostree', 'admin', 'deploy', '--os=lockstep', commits.next ?? '');
    const { outcome, device } = await deployed('test/next');
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect(device).to.include({ verdict: 'deployed', commit: commits.next, reason: null });
    // Logins and questions, nothing of the commit, which was pushed before.
    expect(device.bytesSent).to.be.within(1_000, 200_000);
    expect(device.steps.map(({ name, ok }) => `${name} ${ok}`)).to.deep.equal(
      ['connect', 'deploy', 'reboot', 'prove'].map((name) => `${name} true`),
    );
    expect(device.steps[1]?.detail).to.equal('it was deployed already');
    expect(await booted()).to.equal(commits.next);
    expect(await onDevice('cat', '/usr/share/lockstep-test')).to.equal('next');
    const evidence = path.join(workspaceOf(dir).run, 'devices/virt-1');
    expect(await readFile(path.join(evidence, 'deploy-journal.txt'), 'utf8')).to.include('systemd');
    expect(await readFile(path.join(evidence, 'deploy-status.txt'), 'utf8')).to.include(commits.next);
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
    const { outcome, device } = await deployed('test/next');
    expect(outcome.outcome).to.equal('unchanged');
    expect(device).to.include({ verdict: 'unchanged', commit: commits.next });
    expect(device.bytesSent).to.be.within(1_000, 20_000);
    expect(await onDevice('cat', '/proc/sys/kernel/random/boot_id')).to.equal(bootId);
  });

  it('refuses a commit without the signature that its image demands, and stays as it is', async () => {
    const { outcome, device } = await deployed('test/unsigned');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'refused', commit: commits.next });
    expect(device.reason).to.include('takes only signed commits');
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(commits.unsigned);
  });

  // Before another deployment: that drops the older one.
  it('goes back to the older deployment when it is told to', async () => {
    const outcome = await lockstep(deploy, { rollback: true }, [], { device: ['virt-1'] });
    expect(outcome.outcome, outcome.message).to.equal('ok');
    expect((outcome.devices as DeviceDeployment[])[0]).to.include({ verdict: 'deployed', wanted: commits.base });
    expect(await booted()).to.equal(commits.base);
  });

  it('comes back with the commit it had when the new one does not start', async () => {
    const { outcome, device } = await deployed('test/broken');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device).to.include({ verdict: 'rolled-back', commit: commits.base });
    expect(await console_()).to.include('lockstep: the deployment on trial was not confirmed');
    // The bad deployment must not be what the next boot takes.
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(commits.broken);
  });

  it('is gone after it is stopped, and says so', async () => {
    expect((await lockstep(devices, {}, ['down', 'virt-1'])).outcome).to.equal('ok');
    expect(await processesWith(`file=${disk}`)).to.deep.equal([]);
    expect((await lockstep(devices, {}, ['down', 'virt-1'])).outcome).to.equal('unchanged');
    const { device } = await deployed('test/next');
    expect(device).to.include({ verdict: 'unreachable' });
  });

  it('shows its console when its first commit does not start', async () => {
    const up = lockstep(devices, { commit: 'test/broken' }, ['up', 'virt-2']);
    const error: LockstepError = await up.catch((thrown) => thrown);
    expect(error.code).to.equal('E_DEVICE_BOOT');
    expect(error.message)
      .to.include('virt-2')
      .and.to.include('U-Boot could not start')
      .and.to.match(/zimage/i);
    expect(await processesWith('devices/virt-2/disk.img')).to.deep.equal([]);
  });

  it('shares nothing with the build repository that it could damage', async () => {
    const { exitCode } = await execa('ostree', ['fsck', `--repo=${workspaceOf(dir).repo}`], { reject: false });
    expect(exitCode).to.equal(0);
  });
});
