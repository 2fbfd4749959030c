import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, copyFile, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { execa } from 'execa';
import { openContext } from '../../src/commands/context.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { diff } from '../../src/commands/diff/diff.ts';
import { loadConfig } from '../../src/config/load.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { deployTo } from '../../src/device/deploy.ts';
import { powerOf } from '../../src/device/power/power-of.ts';
import { silent } from '../../src/progress/progress.ts';
import { projectRoot } from './lockstep.ts';
import { PanelProject } from './panel-project.ts';
import { bootableRepo } from './projects.ts';
import { eventually } from './toolboxes.ts';

interface Found {
  what: string;
  state: string;
  detail: string;
}

describe('a device without a machine, an OpenSSH server with ostree', function () {
  this.timeout(15 * 60_000);
  const never = new AbortController().signal;
  let project: PanelProject;
  let supervisor: ChildProcess;

  before(async () => {
    project = await PanelProject.make('try');
    await copyFile(path.resolve(await bootableRepo(), '../../panel.lock'), path.join(project.dir, 'panel.lock'));
    await project.commit('next', { 'usr/share/lockstep-test': 'next' });
    await project.commit('sick', {
      'usr/lib/lockstep/health.d/required.d/10-sick': '#!/bin/sh\necho not well\nexit 1\n',
    });
    await project.commit('mute', {
      'usr/lib/systemd/system/ssh.service.d/mute.conf': '[Service]\nExecStart=\nExecStart=false\n',
    });
    await startDevice();
  });
  after(async () => {
    supervisor?.kill('SIGTERM');
    if (supervisor?.exitCode === null) await new Promise((resolve) => supervisor.once('exit', resolve));
    const deployments = 'chattr -i "$1"/.lockstep/try/*/sysroot/ostree/deploy/*/deploy/*/ 2>&1 || :';
    await execa('sh', ['-c', deployments, 'sh', project.dir]);
  });

  /** Starts it by the script, and writes what that prints into lockstep.yml. */
  async function startDevice(): Promise<void> {
    const script = path.join(projectRoot, 'script/try-device/main.ts');
    supervisor = spawn(process.execPath, ['--import', 'tsx', script, project.dir, 'panel'], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: supervisor.stdout! })) {
      if (line.startsWith('  try-1:')) await appendFile(path.join(project.dir, 'lockstep.yml'), `devices:\n${line}\n`);
      if (line.startsWith('try-1 boots')) break;
    }
    expect(await eventually(async () => answers(), 120_000), 'it does not boot').to.equal(true);
  }

  const onDevice = (...argv: string[]) => project.onDevice(argv, 60_000);
  const answers = () => onDevice('systemctl', 'is-system-running', '--wait').then(() => true, isSettled);
  const isSettled = (error: Error) => error.message.includes('degraded') || error.message.includes('exit code 1');
  const bootId = () => onDevice('cat', '/proc/sys/kernel/random/boot_id');

  const deployed = async (revision: string) => (await project.deployed(revision)).device;
  async function found(): Promise<(what: string) => Found> {
    const outcome = await project.lockstep(devices, {}, ['check']);
    const { findings } = (outcome.devices as { findings: Found[] }[])[0]!;
    return (what) => findings.find((finding) => finding.what === what)!;
  }

  it('has what deployments need, and is known for what it has not', async () => {
    const of = await found();
    for (const what of ['login', 'root', 'forwarding', 'ostree', 'architecture', 'remote', 'trial']) {
      expect(of(what), what).to.include({ state: 'has' });
    }
    for (const what of ['boot loader', 'boot counter', 'watchdog'])
      expect(of(what), what).to.include({ state: 'warns' });
  });

  it('runs a commit that is deployed, and proves it', async () => {
    const before = await bootId();
    const device = await deployed('test/next');
    expect(device, device.reason ?? '').to.include({ verdict: 'deployed', commit: project.commits.next });
    expect(await onDevice('cat', '/usr/share/lockstep-test')).to.equal('next');
    expect(await bootId()).not.to.equal(before);
  });

  it('is left alone when it runs the commit already', async () => {
    const device = await deployed('test/next');
    expect(device).to.include({ verdict: 'unchanged' });
    expect(device.bytesSent).to.be.lessThan(20_000);
  });

  it('has what its lockfile pins, by the database of packages that is deployed with it', async () => {
    const outcome = await project.lockstep(diff, { device: ['try-1'] });
    expect(outcome, outcome.message).to.include({ outcome: 'unchanged' });
    expect(await onDevice('cat', '/usr/lib/sysimage/dpkg/status')).to.contain('\nPackage: ostree\n');
  });

  it('goes back to the older commit when the new one is not healthy', async () => {
    const device = await deployed('test/sick');
    expect(device, device.reason ?? '').to.include({ verdict: 'rolled-back', commit: project.commits.next });
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(project.commits.sick);
  });

  it('boots anew when its power is cycled', async () => {
    const before = await bootId();
    expect((await project.lockstep(devices, {}, ['power', 'cycle', 'try-1'])).outcome).to.equal('ok');
    expect(await eventually(async () => (await bootId().catch(() => before)) !== before, 120_000)).to.equal(true);
    expect(await eventually(async () => answers(), 120_000)).to.equal(true);
  });

  it('has its power cycled once, as a last resort, when it never comes back', async () => {
    const device = await project.device();
    const [workspace, { root }] = [workspaceOf(project.dir), await loadConfig(project.dir)];
    const context = openContext({ C: project.dir, toolbox: 'host' }, silent, never);
    const source = await context.source();
    const means = { workspace, root, environment: process.env, toolbox: () => context.toolbox() };
    const options = { workspace, source, progress: silent, signal: never, power: powerOf(device, means) };
    const before = await bootCount();
    const deployment = await deployTo(device, project.commits.mute ?? '', { ...options, limits: { return: 40_000 } });
    await context.close();
    expect(deployment.verdict, deployment.reason ?? '').to.equal('never-returned');
    const steps = deployment.steps.map(({ name, ok }) => `${name} ${ok}`);
    expect(steps.filter((step) => step.startsWith('power cycle'))).to.deep.equal(['power cycle true']);
    expect((await bootCount()) - before).to.equal(2);
  });

  /** As the script keeps them, a line each. */
  async function bootCount(): Promise<number> {
    const log = path.join(workspaceOf(project.dir).dir, 'try/try-1/boots');
    return (await readFile(log, 'utf8')).split('\n').length;
  }

  it('leaves nothing behind when it is ended', async () => {
    supervisor.kill('SIGTERM');
    await new Promise((resolve) => supervisor.once('exit', resolve));
    const { stdout } = await execa('ps', ['-eo', 'args']);
    expect(
      stdout.split('\n').filter((line) => line.includes('lockstep-try') || line.includes(project.dir)),
    ).to.deep.equal([]);
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    expect(mounts).not.to.include(project.dir);
    const groups = await readdir('/sys/fs/cgroup/unified').catch(() => readdir('/sys/fs/cgroup'));
    expect(groups.filter((name) => name === `lockstep-try-${supervisor.pid}`)).to.deep.equal([]);
  });
});
