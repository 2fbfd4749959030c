import type { DeviceConfig, VirtualDevice } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { observe } from './observe.ts';
import { type Connection, connectionOf } from './ssh/connection.ts';
import { connect } from './ssh/ssh.ts';
import { deviceFiles } from './virtual/files.ts';
import { machineName } from './virtual/machine.ts';
import { readState } from './virtual/state.ts';

export interface ListedDevice {
  name: string;
  kind: 'virtual' | 'real';
  /** `absent`: no disk yet; `down`: not running; `up`: logged in; otherwise the code of what the login ended with. */
  state: string;
  /** host:port, or null when a virtual device is not running. */
  address: string | null;
  labels: string[];
  image: string;
  /** The booted commit, when the device told it. */
  commit: string | null;
}

export interface ListOptions {
  workspace: Workspace;
  signal: AbortSignal;
  /** Asked for only when a virtual device may be running. */
  toolbox: () => Promise<Toolbox>;
}

/** What is known of a device within a few seconds. */
export async function lookAt(device: DeviceConfig, options: ListOptions): Promise<ListedDevice> {
  const { name, labels, image } = device;
  const kind = device.virtual ? ('virtual' as const) : ('real' as const);
  const listed: ListedDevice = { name, kind, labels, image, address: null, commit: null, state: 'down' };
  try {
    if (device.virtual) {
      const absence = await absenceOf(device, options);
      if (absence !== null) return { ...listed, state: absence };
    }
    const to = await connectionOf(device, options.workspace);
    listed.address = `${to.host}:${to.port}`;
    return { ...listed, state: 'up', commit: await bootedCommit(to, options.signal) };
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    return { ...listed, state: error.code };
  }
}

/** Why a virtual device need not be asked; null when it runs. */
async function absenceOf({ name }: VirtualDevice, options: ListOptions): Promise<'absent' | 'down' | null> {
  const files = deviceFiles(options.workspace, name);
  const state = await readState(files);
  if (state === null) return 'absent';
  if (state.port === null) return 'down';
  const toolbox = await options.toolbox();
  return (await toolbox.daemonRunning(machineName(files, name))) ? null : 'down';
}

async function bootedCommit(to: Connection, signal: AbortSignal): Promise<string> {
  const session = await connect(to, { signal, timeoutMs: 6_000 });
  try {
    return (await observe(session)).booted.checksum;
  } finally {
    await session.close();
  }
}
