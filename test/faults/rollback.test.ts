import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { openContext } from '../../src/commands/context.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { type DeviceDeployment, deployTo } from '../../src/device/deploy.ts';
import type { DeployLimits } from '../../src/device/limits.ts';
import { connectionOf } from '../../src/device/ssh/connection.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { formatKargs, kargsFile } from '../../src/image/kargs.ts';
import { resolveRevision } from '../../src/ostree/revision.ts';
import { silent } from '../../src/progress/progress.ts';
import { builtPanel, ostree, projectWith } from '../e2e/projects.ts';

const yaml = `images:
  panel:
    arch: armhf
    suites: [bookworm]
    packages: [systemd-sysv]
devices:
  virt-1: {virtual: true}
`;

/**
 * Another way to fail in each boot of a trial, by the number that the boot script gives it. The boot that hangs has less
 * time than others, so that the test has more.
 */
const calamities = `#!/bin/sh
limit() { sed -i "s/^limit=.*/limit=$1/" /var/lib/lockstep/trial; }
case " $(cat /proc/cmdline) " in
*" lockstep.boot=1 "*) echo c >/proc/sysrq-trigger ;;
*" lockstep.boot=2 "*)
  until [ -e /dev/watchdog0 ]; do sleep 1; done
  sleep 5
  echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze
  sleep infinity
  ;;
*" lockstep.boot=3 "*)
  limit 20
  sleep infinity
  ;;
*) limit 240 ;;
esac
exit 0
`;

const unit = (lines: string[]) =>
  `[Unit]\nDefaultDependencies=no\nRequiresMountsFor=/var/lib\nBefore=basic.target\n[Service]\n${lines.join('\n')}\n`;

describe('a device whose new commit is bad', function () {
  this.timeout(25 * 60_000);
  const never = new AbortController().signal;
  let dir: string;
  const commits: Record<string, string> = {};

  before(async () => {
    const source = process.env.LOCKSTEP_TEST_REPO ?? workspaceOf((await builtPanel()).dir).repo;
    dir = await projectWith('rollback', yaml);
    await mkdir(workspaceOf(dir).dir);
    await ostree(dir, 'init', '--mode=bare');
    await ostree(dir, 'pull-local', source, 'panel/armhf');
    commits.base = await ostree(dir, 'rev-parse', 'panel/armhf');
    const health = 'usr/lib/lockstep/health.d';
    const units = 'usr/lib/systemd/system';
    await commit('calamitous', {
      'usr/lib/calamities': calamities,
      [`${units}/calamities.service`]: unit([
        'Type=oneshot',
        'TimeoutStartSec=infinity',
        'ExecStart=/usr/lib/calamities',
      ]),
      [`${units}/basic.target.d/calamities.conf`]: '[Unit]\nRequires=calamities.service\nAfter=calamities.service\n',
      'usr/lib/systemd/system.conf.d/90-impatient.conf': '[Manager]\nRuntimeWatchdogSec=15\n',
      [`${units}/sick.service`]: '[Service]\nType=oneshot\nExecStart=/bin/false\n',
      [`${units}/multi-user.target.d/sick.conf`]: '[Unit]\nWants=sick.service\n',
      [`${health}/required.d/10-light`]: '#!/bin/sh\necho the light is red\nexit 4\n',
      [`${health}/required.d/20-slow`]: '#!/bin/sh\n# lockstep-timeout: 2\nsleep 30\n',
      [`${health}/wanted.d/30-heater`]: '#!/bin/sh\nexit 1\n',
    });
    await commit('rootless', { [kargsFile]: formatKargs(['root=LABEL=nowhere']) });
    await commit('redlight', { [`${health}/required.d/10-light`]: '#!/bin/sh\necho the light is red\nexit 4\n' });
    await verb(['up', 'virt-1']);
  });

  after(async () => {
    await verb(['down', 'virt-1']);
  });

  /** A commit of the panel with some files laid over it; those that are scripts can be executed. */
  async function commit(name: string, files: Record<string, string>): Promise<void> {
    const tree = path.join(dir, `tree-${name}`);
    for (const [file, text] of Object.entries(files)) {
      const place = path.join(tree, file);
      await mkdir(path.dirname(place), { recursive: true });
      await writeFile(place, text);
      if (text.startsWith('#!')) await chmod(place, 0o755);
    }
    const trees = ['--tree=ref=panel/armhf', `--tree=dir=${tree}`];
    commits[name] = await ostree(dir, 'commit', `--branch=test/${name}`, '--timestamp=@0', ...trees);
  }

  async function verb(args: string[]): Promise<void> {
    const context = openContext({ C: dir, toolbox: 'host' }, silent, never);
    try {
      await devices.run(context, {}, args);
    } finally {
      await context.close();
    }
  }

  async function deployed(name: string, limits: Partial<DeployLimits>): Promise<DeviceDeployment> {
    const context = openContext({ C: dir, toolbox: 'host' }, silent, never);
    try {
      const workspace = workspaceOf(dir);
      const wanted = await resolveRevision(await context.toolbox(), workspace, `test/${name}`);
      const device = (await context.devices())[0]!;
      return await deployTo(device, wanted, {
        workspace,
        source: await context.source(),
        progress: silent,
        signal: never,
        limits,
      });
    } finally {
      await context.close();
    }
  }

  async function onDevice(script: string): Promise<string> {
    const device = (await openContext({ C: dir }, silent, never).devices())[0]!;
    const session = await connect(await connectionOf(device, workspaceOf(dir)), { signal: never });
    try {
      return (await session.script(script)).stdout.trim();
    } finally {
      await session.close();
    }
  }

  it('comes back from a panic, a systemd that no longer answers, a boot that hangs and failing health, in one trial', async () => {
    const device = await deployed('calamitous', { boots: 4, boot: 240_000 });
    expect(device, device.reason ?? '').to.include({ verdict: 'rolled-back', commit: commits.base });
    expect(device.reason).to.match(/boot 3: not confirmed in \d+ s: .*calamities.service/);
    expect(device.reason).to.include(
      'boot 4: sick.service failed; health script 10-light failed with exit code 4: the light is red',
    );
    expect(device.reason).to.include('health script 20-slow did not end in 2 s');
    const { console: console_, status, trial } = device.evidence;
    expect(console_).to.include('Kernel panic').and.to.include('lockstep: boot 4 of 4 on trial');
    expect(console_).to.include('the deployment on trial was not confirmed');
    expect(trial).to.include('wanted 30-heater failed 1');
    // The bad deployment must not be what the next boot takes, and nothing is left on trial.
    expect(status).to.include(commits.base).and.not.to.include(commits.calamitous);
    expect(status).not.to.include('Pinned');
    expect(await onDevice('cat /var/lib/lockstep/ended')).to.include('result=given-up');
  });

  it('comes back from an initramfs that does not find its root, which kernel arguments of the image brought', async () => {
    const device = await deployed('rootless', { boots: 1 });
    expect(device, device.reason ?? '').to.include({ verdict: 'rolled-back', commit: commits.base });
    expect(device.reason).to.include('no boot of').and.to.include('came far enough');
    expect(device.evidence.status).not.to.include(commits.rootless);
    expect(await onDevice('cat /proc/cmdline')).not.to.include('nowhere');
  });

  it('is taken back by lockstep where its boot loader does not count', async () => {
    // Until the next boot the kernel's arguments are what they would be there; ostree takes those of its entry for the new one.
    await onDevice(`sed 's/lockstep.counter=[^ ]*//' /proc/cmdline >/run/cmdline
      mount --bind /run/cmdline /proc/cmdline
      sed -i 's/lockstep.counter=[^ ]*//' /boot/loader/entries/*.conf`);
    const device = await deployed('redlight', {});
    expect(device, device.reason ?? '').to.include({ verdict: 'rolled-back', commit: commits.base });
    expect(device.reason).to.include('10-light failed').and.to.include('lockstep took it back');
    expect(device.steps.at(-1)).to.include({ name: 'take back', ok: true });
    expect(device.evidence.status).to.include(commits.base).and.not.to.include(commits.redlight);
  });
});
