import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { type OpenContext, openContext } from '../../src/commands/context.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { wantedCommits } from '../../src/commands/wanted.ts';
import type { DeviceConfig, VirtualDevice } from '../../src/config/types.ts';
import { type Workspace, workspaceOf } from '../../src/config/workspace.ts';
import type { DeployOptions } from '../../src/device/attempt.ts';
import { type DeviceDeployment, deployTo } from '../../src/device/deploy.ts';
import type { PowerSwitch } from '../../src/device/power/power.ts';
import { connectionOf } from '../../src/device/ssh/connection.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { parseStatus } from '../../src/device/status.ts';
import { copyDisk } from '../../src/device/virtual/copy-disk.ts';
import { type DeviceFiles, deviceFiles } from '../../src/device/virtual/files.ts';
import { Link } from '../../src/device/virtual/link.ts';
import { machineName, machineSpec } from '../../src/device/virtual/machine.ts';
import { restoreSnapshot } from '../../src/device/virtual/restore.ts';
import { takeSnapshot } from '../../src/device/virtual/snapshot.ts';
import { snapshotTags } from '../../src/device/virtual/snapshot-files.ts';
import { readState } from '../../src/device/virtual/state.ts';
import { replayAfterPowerCut } from '../../src/device/virtual/write-cache.ts';
import { scriptImage } from '../../src/image/trial/script-image.ts';
import { silent } from '../../src/progress/progress.ts';
import { projectRoot } from '../e2e/lockstep.ts';
import { projectWith } from '../e2e/projects.ts';
import { benchConfig, makeProject } from './bench-project.ts';
import { type Images, imagesOf } from './images.ts';

/** The name under which the device is reached through the link; \`other\` expects another host key there. */
export type Name = 'bench' | 'other';

export type Limits = DeployOptions['limits'];

/**
 * A virtual ARMv7 device on a bench: its power and its link are in the test's hands, and it is back in the state of its
 * snapshot, booted and settled, within seconds.
 */
export class Bench {
  readonly dir: string;
  readonly images: Images;
  readonly link: Link;
  /** Boots that a trial has, for a quick look; lockstep's own number when not given. */
  boots?: number;
  readonly #workspace: Workspace;
  readonly #context: OpenContext;
  readonly #device: VirtualDevice;
  readonly #files: DeviceFiles;
  readonly #port: number;
  /** The disk as it was when the machine started. */
  #base: string;

  private constructor(made: {
    dir: string;
    images: Images;
    link: Link;
    context: OpenContext;
    device: VirtualDevice;
    port: number;
  }) {
    this.dir = made.dir;
    this.images = made.images;
    this.link = made.link;
    this.#workspace = workspaceOf(made.dir);
    this.#context = made.context;
    this.#device = made.device;
    this.#files = deviceFiles(this.#workspace, made.device.name);
    this.#port = made.port;
    this.#base = path.join(this.#files.snapshots, 'ready/disk.img');
  }

  /**
   * Makes the project, its commits and the device, boots it and keeps it. `source`: a repository with `panel/armhf`.
   * LOCKSTEP_FAULTS_BENCH names a directory that keeps all of it from one run to the next, for work on the tests.
   */
  static async make(source: () => Promise<string>, random: () => number): Promise<Bench> {
    const kept = process.env.LOCKSTEP_FAULTS_BENCH;
    const dir = kept ?? (await projectWith('faults', benchConfig()));
    const files = deviceFiles(workspaceOf(dir), 'virt-1');
    const there = (await snapshotTags(files)).includes('ready');
    if (!there) await makeProject(dir, await source(), random);
    const images = await imagesOf(dir);
    const never = new AbortController().signal;
    const first = openContext({ C: dir, toolbox: 'host' }, silent, never);
    const device = (await first.config()).devices.find(({ name }) => name === 'virt-1') as VirtualDevice;
    if (there) {
      const means = { toolbox: await first.toolbox(), workspace: workspaceOf(dir), progress: silent, signal: never };
      await restoreSnapshot(device, 'ready', means);
    } else await devices.run(first, { commit: 'test/base' }, ['up', 'virt-1']);
    const state = await readState(files);
    const port = state?.port ?? 0;
    // The machine keeps its port over all that happens to it here.
    const link = await Link.open(() => port);
    await writeFile(path.join(dir, 'lockstep.yml'), benchConfig({ port: link.port, hostKey: state?.hostKey ?? '' }));
    const context = openContext({ C: dir, toolbox: 'host' }, silent, never);
    const made = new Bench({ dir, images, link, context, device, port });
    if (there) return made;
    await made.untilSettled();
    await made.run('sync');
    await takeSnapshot(device, 'ready', { toolbox: await context.toolbox(), workspace: workspaceOf(dir) });
    return made;
  }

  /** Back to the start: power, link, disk and memory. */
  async reset(): Promise<void> {
    this.mendLink();
    const toolbox = await this.#context.toolbox();
    const { signal } = new AbortController();
    const extras = { recordWrites: true };
    await restoreSnapshot(this.#device, 'ready', {
      toolbox,
      workspace: this.#workspace,
      progress: silent,
      signal,
      extras,
    });
    this.#base = path.join(this.#files.snapshots, 'ready/disk.img');
  }

  mendLink(): void {
    this.link.mend();
    this.link.quality = {};
  }

  /** Takes the current away: what no flush made certain is on the disk by chance. Returns what was lost, for the record. */
  async powerOff(random: () => number): Promise<string> {
    const toolbox = await this.#context.toolbox();
    await toolbox.stopDaemon(machineName(this.#files, this.#device.name), { kill: true });
    await copyDisk(toolbox, this.#base, this.#files.disk);
    const { kept, lost } = await replayAfterPowerCut(this.#files.disk, this.#files.writes, random);
    return `${lost} of ${kept + lost} writes lost`;
  }

  async powerOn(clock?: string): Promise<void> {
    const toolbox = await this.#context.toolbox();
    const name = machineName(this.#files, this.#device.name);
    if (await toolbox.daemonRunning(name)) return;
    this.#base = path.join(this.#files.dir, 'base.img');
    await copyDisk(toolbox, this.#files.disk, this.#base);
    await writeFile(this.#files.writes, '');
    const extras = { recordWrites: true, ...(clock === undefined ? {} : { clock }) };
    await toolbox.startDaemon(machineSpec(name, this.#files, this.#device.memory, this.#port, extras));
  }

  /** What cycles the power as a deployment's last resort. */
  power(random: () => number): PowerSwitch {
    return {
      turn: async (action) => {
        const start = performance.now();
        const output = action === 'on' ? '' : await this.powerOff(random);
        if (action !== 'off') await this.powerOn();
        return { action, output, ms: Math.round(performance.now() - start) };
      },
    };
  }

  /** Deploys as `lockstep deploy` does, in this process. */
  async deploy(
    commit: string,
    options: { name?: Name; limits?: Limits; power?: PowerSwitch; waitLockMs?: number } = {},
  ): Promise<DeviceDeployment> {
    const device = (await this.#context.config()).devices.find(({ name }) => name === (options.name ?? 'bench'));
    await wantedCommits(this.#context, [device as DeviceConfig], commit);
    return deployTo(device as DeviceConfig, commit, {
      workspace: this.#workspace,
      progress: silent,
      signal: new AbortController().signal,
      environment: process.env,
      limits: { ...(this.boots === undefined ? {} : { boots: this.boots }), ...options.limits },
      power: options.power ?? null,
      waitLockMs: options.waitLockMs,
      source: await this.#context.source(),
    });
  }

  /** An agent of its own, to be killed: `lockstep deploy` from the sources. */
  agent(commit: string): ChildProcess {
    const cli = path.join(projectRoot, 'src/cli.ts');
    const args = ['--import', 'tsx', cli, '-C', this.dir, '--toolbox', 'host', '--json', 'deploy', '--device', 'bench'];
    return spawn('node', [...args, '--commit', commit], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs a script on the device, past the link. */
  async run(script: string): Promise<string> {
    const { signal } = new AbortController();
    const session = await connect(await connectionOf(this.#device, this.#workspace), { signal, timeoutMs: 20_000 });
    try {
      return (await session.script(script, { timeoutMs: 120_000 })).stdout.trim();
    } finally {
      await session.close();
    }
  }

  /** Replaces the script that U-Boot runs. */
  async putBootScript(text: string): Promise<void> {
    const image = scriptImage(text).toString('base64');
    await this.run(`echo ${image} | base64 -d >/boot/boot.scr.new; mv /boot/boot.scr.new /boot/boot.scr; sync`);
  }

  /** The device has made itself another host key; the one that was pinned is in /var. */
  async putBackHostKey(): Promise<void> {
    const trusting = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes'];
    const to = ['-i', this.#files.identity, '-p', String(this.#port), 'root@127.0.0.1'];
    const back = 'mv /var/ssh_host_ed25519_key* /etc/ssh/; rm /etc/systemd/system/ssh.service.d/lockstep-faults.conf';
    await execa('ssh', [...trusting, ...to, `${back}; sync; systemctl daemon-reload; systemctl restart ssh`], {
      timeout: 60_000,
    });
  }

  /** The commit that runs, seen past the link and past what judges deployments. */
  async booted(): Promise<string> {
    const status = parseStatus(await this.run('ostree admin status'));
    return status.find(({ booted }) => booted)?.checksum ?? 'none';
  }

  /** Waits until the device answers and systemd has settled, whatever boots that takes; returns the commit that runs. */
  async untilSettled(withinMs = 420_000): Promise<string> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      try {
        await this.run('timeout 100 systemctl is-system-running --wait >/dev/null || true');
        // A boot on trial that is found unhealthy ends by itself.
        const trial = await this.run('tr " " "\\n" </proc/cmdline | grep -c lockstep.boot= || true');
        if (trial !== '0')
          await this.run('for i in $(seq 60); do systemctl is-active -q lockstep-confirm || break; sleep 1; done');
        return await this.booted();
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(1_000);
      }
    }
  }

  /** What the serial console has printed, over all boots. */
  get console(): string {
    return this.#files.console;
  }

  async close(): Promise<void> {
    await this.link.close();
    const toolbox = await this.#context.toolbox();
    await toolbox.stopDaemon(machineName(this.#files, this.#device.name), { kill: true });
    await this.#context.close();
  }
}
