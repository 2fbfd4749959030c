import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { connectionOf } from './connection.ts';
import { observe } from './observe.ts';
import { connect } from './ssh.ts';
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
  const known = { name, kind, labels, image, address: null, commit: null };
  if (device.virtual) {
    const files = deviceFiles(options.workspace, name);
    const state = await readState(files);
    if (state === null) return { ...known, state: 'absent' };
    if (state.port === null) return { ...known, state: 'down' };
    const toolbox = await options.toolbox();
    if (!(await toolbox.daemonRunning(machineName(files, name)))) return { ...known, state: 'down' };
  }
  const to = await connectionOf(device, options.workspace);
  const address = `${to.host}:${to.port}`;
  try {
    const session = await connect(to, { signal: options.signal, timeoutMs: 6_000 });
    try {
      const { booted } = await observe(session);
      return { ...known, address, state: 'up', commit: booted.checksum };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    return { ...known, address, state: error.code };
  }
}
