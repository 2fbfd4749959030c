import { createServer } from 'node:http';
import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import { counterOf } from './boot-counter.ts';
import { type Connection, connectionOf } from './connection.ts';
import { observe } from './observe.ts';
import type { Session } from './session.ts';
import { connect } from './ssh.ts';

/** One thing that was looked at on a device. */
export interface Finding {
  what: string;
  /** `lacks`: deployments fail without it; `warns`: they are less safe without it. */
  state: 'has' | 'lacks' | 'warns';
  detail: string;
}

/** MiB below which a new deployment may not fit. */
const leastFree = 300;

/** Looks whether a device can be deployed to. Does not throw for what it finds; the first failure to log in is a finding, too. */
export async function checkDevice(device: DeviceConfig, workspace: Workspace, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  let session: Session;
  let to: Connection;
  try {
    to = await connectionOf(device, workspace);
    session = await connect(to, { signal });
  } catch (error) {
    return [lack('login', error)];
  }
  findings.push({ what: 'login', state: 'has', detail: `${to.user}@${to.host}:${to.port}, host key ${to.hostKey}` });
  try {
    for (const [what, look] of looks) findings.push(...(await look(session).catch((error) => [lack(what, error)])));
  } finally {
    await session.close();
  }
  return findings;
}

function lack(what: string, error: unknown): Finding {
  if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
  return { what, state: 'lacks', detail: error.message };
}

const looks: [what: string, look: (session: Session) => Promise<Finding[]>][] = [
  ['root', root],
  ['forwarding', forwarding],
  ['ostree', deployment],
  ['space', space],
  ['systemd', systemd],
];

async function root(session: Session): Promise<Finding[]> {
  const { stdout, stderr } = await session.exec(['id', '-u'], { check: false, timeoutMs: 30_000 });
  if (stdout.trim() === '0') return [{ what: 'root', state: 'has', detail: `as ${session.user}` }];
  const detail = `${session.user} cannot become root with \`sudo -n\`: ${stderr.trim()}`;
  return [{ what: 'root', state: 'lacks', detail }];
}

async function forwarding(session: Session): Promise<Finding[]> {
  const server = createServer((_request, response) => response.end());
  const forward = await session.forward(server);
  forward.close();
  return [{ what: 'forwarding', state: 'has', detail: 'sshd opens loopback ports' }];
}

async function deployment(session: Session): Promise<Finding[]> {
  const state = await observe(session);
  const counter = counterOf(state);
  const { checksum, serial, stateroot } = state.booted;
  const booted = `${stateroot} ${checksum.slice(0, 12)}.${serial} on ${state.machine}`;
  return [
    { what: 'ostree', state: 'has', detail: booted },
    counter === null
      ? { what: 'boot counter', state: 'warns', detail: 'its boot loader does not fall back by itself' }
      : { what: 'boot counter', state: 'has', detail: counter },
  ];
}

async function space(session: Session): Promise<Finding[]> {
  const { stdout } = await session.exec(['df', '-Pm', '/sysroot'], { timeoutMs: 30_000 });
  const free = Number(stdout.trim().split('\n').at(-1)?.split(/\s+/)[3]);
  return [{ what: 'space', state: free < leastFree ? 'warns' : 'has', detail: `${free} MiB free in /sysroot` }];
}

async function systemd(session: Session): Promise<Finding[]> {
  const { stdout } = await session.exec(['systemctl', 'is-system-running'], { check: false, timeoutMs: 30_000 });
  const state = stdout.trim();
  if (state === '') return [{ what: 'systemd', state: 'lacks', detail: 'systemctl does not answer' }];
  return [{ what: 'systemd', state: state === 'running' ? 'has' : 'warns', detail: state }];
}
