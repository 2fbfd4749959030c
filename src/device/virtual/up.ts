import { mkdir, rm, stat } from 'node:fs/promises';
import type { VirtualDevice } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { inStage, type Progress } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { connectionOf } from '../ssh/connection.ts';
import { connect } from '../ssh/ssh.ts';
import { lengthOf } from './console.ts';
import { makeDisk } from './disk.ts';
import { type DeviceFiles, deviceFiles } from './files.ts';
import { ensureKeyPair } from './keys.ts';
import { freePort, machineName, machineSpec } from './machine.ts';
import { readState, writeState } from './state.ts';
import { waitForBoot } from './wait.ts';

export interface UpOptions {
  toolbox: Toolbox;
  workspace: Workspace;
  progress: Progress;
  signal: AbortSignal;
  /** The commit that a new disk gets; asked only when one is made. */
  commit: () => Promise<string>;
  /** Make the disk anew even if there is one. */
  fresh: boolean;
  /** Bound on the boot, in milliseconds; 300 s when not given. */
  bootMs?: number;
}

export interface UpResult {
  name: string;
  /** `up`: it ran already; `started`: from the disk that was there; `created`: from a new disk. */
  how: 'up' | 'started' | 'created';
  port: number;
  /** Fingerprint of its host key. */
  hostKey: string;
  /** The commit that its disk was made from. */
  commit: string;
}

/**
 * Brings a virtual device up, until its sshd answers with the key that was put on its disk. Whatever goes wrong, and when
 * the signal fires, the machine is stopped again. Throws E_DEVICE_BOOT with the console's last lines.
 */
export async function bringUp(device: VirtualDevice, options: UpOptions): Promise<UpResult> {
  const { toolbox, workspace } = options;
  const files = deviceFiles(workspace, device.name);
  const name = machineName(files, device.name);
  await mkdir(files.dir, { recursive: true });
  const state = await readState(files).catch((error) => {
    if (options.fresh) return null;
    throw error;
  });
  const running = await toolbox.daemonRunning(name);
  if (running && !options.fresh && state !== null && state.port !== null) {
    await waitForBoot(device, { ...options, from: await lengthOf(files.console), onlyDeployment: false });
    return { name: device.name, how: 'up', port: state.port, hostKey: state.hostKey, commit: state.commit };
  }
  if (running) await toolbox.stopDaemon(name, { kill: true });
  const kept = state !== null && !options.fresh && (await stat(files.disk).catch(() => null)) !== null;
  const made = kept ? state : await create(device, files, options);
  const port = await freePort();
  await writeState(files, { ...made, port });
  await boot(device, files, { ...options, onlyDeployment: !kept }, port);
  return { name: device.name, how: kept ? 'started' : 'created', port, hostKey: made.hostKey, commit: made.commit };
}

/** Stops a virtual device; what it has not written yet is written first if it answers. True when it ran. */
export async function bringDown(device: VirtualDevice, toolbox: Toolbox, workspace: Workspace): Promise<boolean> {
  const files = deviceFiles(workspace, device.name);
  const name = machineName(files, device.name);
  const running = await toolbox.daemonRunning(name);
  if (running) {
    await flush(device, workspace);
    await toolbox.stopDaemon(name);
  }
  await markDown(files);
  return running;
}

async function create(device: VirtualDevice, files: DeviceFiles, options: UpOptions) {
  const commit = await options.commit();
  const work = async () => {
    await rm(files.state, { force: true });
    await rm(files.console, { force: true });
    await ensureKeyPair(files.identity, `lockstep@${device.name}`);
    const { fingerprint } = await ensureKeyPair(files.hostKey, `root@${device.name}`);
    const { repo } = options.workspace;
    await makeDisk(options.toolbox, files, { repo, commit, size: device.disk });
    const state = { port: null, hostKey: fingerprint, commit };
    await writeState(files, state);
    return state;
  };
  return inStage(options.progress, `disk of ${device.name}`, work, { summary: () => `from ${commit.slice(0, 12)}` });
}

async function boot(
  device: VirtualDevice,
  files: DeviceFiles,
  options: UpOptions & { onlyDeployment: boolean },
  port: number,
): Promise<void> {
  const name = machineName(files, device.name);
  const from = await lengthOf(files.console);
  try {
    await options.toolbox.startDaemon(machineSpec(name, files, device.memory, port));
    await waitForBoot(device, { ...options, from });
  } catch (error) {
    await options.toolbox.stopDaemon(name, { kill: true });
    await markDown(files);
    throw error;
  }
}

async function markDown(files: DeviceFiles): Promise<void> {
  const state = await readState(files).catch(() => null);
  if (state !== null) await writeState(files, { ...state, port: null });
}

async function flush(device: VirtualDevice, workspace: Workspace): Promise<void> {
  try {
    const signal = AbortSignal.timeout(15_000);
    const session = await connect(await connectionOf(device, workspace), { signal, timeoutMs: 8_000 });
    await session.exec(['sync'], { check: false, timeoutMs: 8_000 });
    await session.close();
  } catch {
    // It does not answer: switching it off is all that is left.
  }
}
