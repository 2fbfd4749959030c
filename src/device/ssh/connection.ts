import type { DeviceConfig, RealDevice, VirtualDevice } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import { deviceFiles } from '../virtual/files.ts';
import { readState } from '../virtual/state.ts';
import { type ClientConfig, readClientConfig } from './client-config.ts';
import { proxyCommandOf } from './proxy.ts';

/** All that is needed to reach a device: where, as whom, by what, and which host key it must show. */
export interface Connection {
  /** The device's name, for messages. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** `SHA256:…`; null: one that known_hosts holds. */
  hostKey: string | null;
  /** Absolute path of a private key; null: as `client` says, else the ssh agent, then ~/.ssh/id_*. */
  identity: string | null;
  /** What the OpenSSH client would do; absent or null: nothing is known of it. */
  client?: ClientConfig | null;
  /** Command whose stdin and stdout are the connection; absent or null: a socket. */
  proxyCommand?: string | null;
}

/**
 * How to reach a device: for a real one from lockstep.yml and, where that is silent, from the OpenSSH client's
 * configuration; for a virtual one from its state. Throws E_DEVICE_DOWN when a virtual device was never started,
 * E_SSH_CONFIG when ssh refuses its configuration.
 */
export async function connectionOf(
  device: DeviceConfig,
  workspace: Workspace,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Connection> {
  return device.virtual ? virtualConnection(device, workspace) : realConnection(device, environment);
}

/** How to reach a real device, or a host that is to become one. */
export async function realConnection(
  device: Pick<RealDevice, 'name' | 'host' | 'port' | 'user' | 'hostKey' | 'identity' | 'proxyJump'>,
  environment: NodeJS.ProcessEnv,
): Promise<Connection> {
  const { name, hostKey, identity, proxyJump } = device;
  const client = await readClientConfig({ ...device, device: name }, environment);
  if (client === null) {
    if (proxyJump !== null && proxyJump !== 'none') throw noClient(name);
    const { host, port, user } = device;
    return { name, host, port: port ?? 22, user: user ?? 'root', hostKey, identity };
  }
  const { host, port, user } = client;
  const proxyCommand = await proxyCommandOf(name, client, environment);
  return { name, host, port, user, hostKey, identity, client, proxyCommand };
}

function noClient(name: string): LockstepError {
  return new LockstepError('E_SSH_CONFIG', `device ${name} has a \`proxyJump:\`, and this machine has no \`ssh\``, {
    hint: 'Install the OpenSSH client: jump hosts are reached by it.',
  });
}

async function virtualConnection(device: VirtualDevice, workspace: Workspace): Promise<Connection> {
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
