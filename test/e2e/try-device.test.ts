import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { execa } from 'execa';
import { openContext } from '../../src/commands/context.ts';
import { deploy } from '../../src/commands/deploy.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { diff } from '../../src/commands/diff/diff.ts';
import type { Outcome, Verb } from '../../src/commands/verb.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { DeviceConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { type DeviceDeployment, deployTo } from '../../src/device/deploy.ts';
import { powerOf } from '../../src/device/power/power-of.ts';
import { connectionOf } from '../../src/device/ssh/connection.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { silent } from '../../src/progress/progress.ts';
import { projectRoot } from './lockstep.ts';
import { bootableRepo, ostree, projectWith } from './projects.ts';
import { eventually } from './toolboxes.ts';

const yaml = `images:
  panel: {arch: armhf, suites: [bookworm], packages: [systemd-sysv]}
`;

interface Found {
  what: string;
  state: string;
  detail: string;
}

describe('a device without a machine, an OpenSSH server with ostree', function () {
  this.timeout(15 * 60_000);
  const never = new AbortController().signal;
  const commits: Record<string, string> = {};
  let dir: string;
  let supervisor: ChildProcess;

  before(async () => {
    const source = await bootableRepo();
    dir = await projectWith('try', yaml);
    await mkdir(workspaceOf(dir).dir);
    await copyFile(path.resolve(source, '../../panel.lock'), path.join(dir, 'panel.lock'));
    await ostree(dir, 'init', '--mode=bare');
    await ostree(dir, 'pull-local', source, 'panel/armhf');
    commits.base = await ostree(dir, 'rev-parse', 'panel/armhf');
    await commit('next', { 'usr/share/lockstep-test': 'next' });
    await commit('sick', { 'usr/lib/lockstep/health.d/required.d/10-sick': '#!/bin/sh\necho not well\nexit 1\n' });
    await commit('mute', {
      'usr/lib/systemd/system/ssh.service.d/mute.conf': '[Service]\nExecStart=\nExecStart=false\n',
    });
    await startDevice();
  });
  after(async () => {
    supervisor?.kill('SIGTERM');
    if (supervisor?.exitCode === null) await new Promise((resolve) => supervisor.once('exit', resolve));
    await execa('sh', ['-c', 'chattr -i "$1"/.lockstep/try/*/sysroot/ostree/deploy/*/deploy/*/ 2>&1 || :', 'sh', dir]);
  });

  /** A commit of the panel with some files laid over it, as ref test/NAME. */
  async function commit(name: string, files: Record<string, string>): Promise<void> {
    const tree = path.join(dir, `tree-${name}`);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await writeFile(path.join(tree, file), text);
      if (text.startsWith('#!')) await chmod(path.join(tree, file), 0o755);
    }
    const trees = ['--tree=ref=panel/armhf', `--tree=dir=${tree}`];
    commits[name] = await ostree(dir, 'commit', `--branch=test/${name}`, '--timestamp=@0', ...trees);
  }

  /** Starts it by the script, and writes what that prints into lockstep.yml. */
  async function startDevice(): Promise<void> {
    const script = path.join(projectRoot, 'script/try-device/main.ts');
    supervisor = spawn(process.execPath, ['--import', 'tsx', script, dir, 'panel'], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: supervisor.stdout! })) {
      if (line.startsWith('  try-1:')) await appendFile(path.join(dir, 'lockstep.yml'), `devices:\n${line}\n`);
      if (line.startsWith('try-1 boots')) break;
    }
    expect(await eventually(async () => answers(), 120_000), 'it does not boot').to.equal(true);
  }

  async function theDevice(): Promise<DeviceConfig> {
    return (await loadConfig(dir)).devices[0]!;
  }
  async function onDevice(...argv: string[]): Promise<string> {
    const to = await connectionOf(await theDevice(), workspaceOf(dir), { ...process.env, LOCKSTEP_SSH_CONFIG: 'none' });
    const session = await connect(to, { signal: never });
    try {
      return (await session.exec(argv, { timeoutMs: 60_000 })).stdout.trim();
    } finally {
      await session.close();
    }
  }
  const answers = () => onDevice('systemctl', 'is-system-running', '--wait').then(() => true, isSettled);
  const isSettled = (error: Error) => error.message.includes('degraded') || error.message.includes('exit code 1');
  const bootId = () => onDevice('cat', '/proc/sys/kernel/random/boot_id');

  async function lockstep<Options>(verb: Verb<Options>, options: Options, args: string[] = []): Promise<Outcome> {
    const context = openContext({ C: dir, toolbox: 'host' }, silent, never);
    try {
      return await verb.run(context, options, args);
    } finally {
      await context.close();
    }
  }
  async function deployed(revision: string): Promise<DeviceDeployment> {
    return ((await lockstep(deploy, { commit: revision })).devices as DeviceDeployment[])[0]!;
  }
  async function found(): Promise<(what: string) => Found> {
    const outcome = await lockstep(devices, {}, ['check']);
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
    expect(device, device.reason ?? '').to.include({ verdict: 'deployed', commit: commits.next });
    expect(await onDevice('cat', '/usr/share/lockstep-test')).to.equal('next');
    expect(await bootId()).not.to.equal(before);
  });

  it('is left alone when it runs the commit already', async () => {
    const device = await deployed('test/next');
    expect(device).to.include({ verdict: 'unchanged' });
    expect(device.bytesSent).to.be.lessThan(20_000);
  });

  it('has what its lockfile pins, by the database of packages that is deployed with it', async () => {
    const outcome = await lockstep(diff, { device: ['try-1'] });
    expect(outcome, outcome.message).to.include({ outcome: 'unchanged' });
    expect(await onDevice('cat', '/usr/lib/sysimage/dpkg/status')).to.contain('\nPackage: ostree\n');
  });

  it('goes back to the older commit when the new one is not healthy', async () => {
    const device = await deployed('test/sick');
    expect(device, device.reason ?? '').to.include({ verdict: 'rolled-back', commit: commits.next });
    expect(await onDevice('ostree', 'admin', 'status')).not.to.include(commits.sick);
  });

  it('boots anew when its power is cycled', async () => {
    const before = await bootId();
    expect((await lockstep(devices, {}, ['power', 'cycle', 'try-1'])).outcome).to.equal('ok');
    expect(await eventually(async () => (await bootId().catch(() => before)) !== before, 120_000)).to.equal(true);
    expect(await eventually(async () => answers(), 120_000)).to.equal(true);
  });

  it('has its power cycled once, as a last resort, when it never comes back', async () => {
    const device = await theDevice();
    const [workspace, { root }] = [workspaceOf(dir), await loadConfig(dir)];
    const context = openContext({ C: dir, toolbox: 'host' }, silent, never);
    const source = await context.source();
    const means = { workspace, root, environment: process.env, toolbox: () => context.toolbox() };
    const options = { workspace, source, progress: silent, signal: never, power: powerOf(device, means) };
    const before = await bootCount();
    const deployment = await deployTo(device, commits.mute ?? '', { ...options, limits: { return: 40_000 } });
    await context.close();
    expect(deployment.verdict, deployment.reason ?? '').to.equal('never-returned');
    const steps = deployment.steps.map(({ name, ok }) => `${name} ${ok}`);
    expect(steps.filter((step) => step.startsWith('power cycle'))).to.deep.equal(['power cycle true']);
    expect((await bootCount()) - before).to.equal(2);
  });

  /** As the script keeps them, a line each. */
  async function bootCount(): Promise<number> {
    const log = path.join(workspaceOf(dir).dir, 'try/try-1/boots');
    return (await readFile(log, 'utf8')).split('\n').length;
  }

  it('leaves nothing behind when it is ended', async () => {
    supervisor.kill('SIGTERM');
    await new Promise((resolve) => supervisor.once('exit', resolve));
    const { stdout } = await execa('ps', ['-eo', 'args']);
    expect(stdout.split('\n').filter((line) => line.includes('lockstep-try') || line.includes(dir))).to.deep.equal([]);
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    expect(mounts).not.to.include(dir);
    const groups = await readdir('/sys/fs/cgroup/unified').catch(() => readdir('/sys/fs/cgroup'));
    expect(groups.filter((name) => name === `lockstep-try-${supervisor.pid}`)).to.deep.equal([]);
  });
});
