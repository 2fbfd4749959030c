import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import { deviceFiles } from './virtual/files.ts';
import { readState } from './virtual/state.ts';

/** All that is needed to reach a device: where, as whom, and which host key it must show. */
export interface Connection {
  /** The device's name, for messages. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** `SHA256:…` */
  hostKey: string;
  /** Absolute path of a private key; null: the ssh agent, then ~/.ssh/id_*. */
  identity: string | null;
}

/**
 * How to reach a device: from lockstep.yml for a real one, from its state for a virtual one.
 * Throws E_DEVICE_DOWN when a virtual device was never started.
 */
export async function connectionOf(device: DeviceConfig, workspace: Workspace): Promise<Connection> {
  if (!device.virtual) {
    const { name, host, port, user, hostKey, identity } = device;
    return { name, host, port, user, hostKey, identity };
  }
  const files = deviceFiles(workspace, device.name);
  const state = await readState(files);
  if (state === null || state.port === null) {
    throw new LockstepError('E_DEVICE_DOWN', `virtual device ${device.name} is not running`, {
      hint: `Start it with \`lockstep devices up ${device.name}\`.`,
    });
  }
  return {
    name: device.name,
    host: '127.0.0.1',
    port: state.port,
    user: 'root',
    hostKey: state.hostKey,
    identity: files.identity,
  };
}
