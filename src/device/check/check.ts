import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Architecture, DeviceConfig } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import { observe } from '../observe.ts';
import { type Connection, connectionOf } from '../ssh/connection.ts';
import type { Session } from '../ssh/session.ts';
import { connect } from '../ssh/ssh.ts';
import type { Finding, Mendable } from './finding.ts';
import { findingsOf } from './findings.ts';
import { allowForwarding } from './fixes.ts';
import { survey } from './survey.ts';

export interface CheckOptions {
  workspace: Workspace;
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** Architecture of the device's image; null: not known. */
  arch: Architecture | null;
  /** Mends what can be mended, and nothing else. */
  fix?: boolean;
}

/**
 * Looks whether a device can be deployed to. Does not throw for what it finds: the first failure to log in is a finding,
 * too.
 */
export async function checkDevice(device: DeviceConfig, options: CheckOptions): Promise<Finding[]> {
  let to: Connection;
  try {
    to = await connectionOf(device, options.workspace, options.environment);
  } catch (error) {
    return [lack('login', error)];
  }
  const first = await lookOnce(to, options);
  if (options.fix !== true || !first.some(({ fix }) => fix !== undefined)) return first.map(withoutFix);
  const attempts = await mendAll(to, first, options);
  // What a fix came to is seen on the device, not taken from the fix.
  const after = await lookOnce(to, options, connectAgain);
  return after.map((finding) => withoutFix(mended(finding, attempts.get(finding.what))));
}

const connectOnce = (to: Connection, { signal, environment }: CheckOptions) => connect(to, { signal, environment });

/** How long an sshd that has read its configuration anew may take to answer again. */
const reloadedWithinMs = 20_000;

async function connectAgain(to: Connection, options: CheckOptions): Promise<Session> {
  const deadline = performance.now() + reloadedWithinMs;
  for (;;) {
    try {
      return await connectOnce(to, options);
    } catch (error) {
      const silent = error instanceof LockstepError && error.code === 'E_SSH_UNREACHABLE';
      if (!silent || performance.now() > deadline) throw error;
      await sleep(500);
    }
  }
}

async function lookOnce(to: Connection, options: CheckOptions, reach = connectOnce): Promise<Mendable[]> {
  let session: Session;
  try {
    session = await reach(to, options);
  } catch (error) {
    return [lack('login', error)];
  }
  const login = `${to.user}@${to.host}:${to.port}, host key ${to.hostKey ?? 'in known_hosts'}`;
  const findings: Mendable[] = [{ what: 'login', state: 'has', detail: login }];
  try {
    for (const [what, look] of looks) {
      const found = await look(session, options).catch((error) => [lack(what, error)]);
      findings.push(...found);
      if (what === 'root' && found.some(({ state }) => state === 'lacks')) break;
    }
  } finally {
    await session.close();
  }
  return findings;
}

function lack(what: string, error: unknown): Finding {
  if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
  const hint = error.hint === null ? '' : ` ${error.hint}`;
  return { what, state: 'lacks', detail: `${error.message}.${hint}` };
}

const looks: [what: string, look: (session: Session, options: CheckOptions) => Promise<Mendable[]>][] = [
  ['root', root],
  ['forwarding', forwarding],
  ['ostree', deployments],
];

async function root(session: Session): Promise<Finding[]> {
  const { stdout } = await session.exec(['id', '-u'], { timeoutMs: 30_000 });
  const by = session.user === 'root' ? 'as root' : `as ${session.user}, by sudo`;
  if (stdout.trim() === '0') return [{ what: 'root', state: 'has', detail: by }];
  return [{ what: 'root', state: 'lacks', detail: `commands run as user ${stdout.trim()}` }];
}

async function forwarding(session: Session): Promise<Mendable[]> {
  const server = createServer((_request, response) => response.end());
  try {
    const forward = await session.forward(server);
    forward.close();
  } catch (error) {
    return [{ ...lack('forwarding', error), fix: allowForwarding }];
  }
  return [{ what: 'forwarding', state: 'has', detail: 'sshd opens loopback ports' }];
}

async function deployments(session: Session, { arch }: CheckOptions): Promise<Mendable[]> {
  const state = await observe(session);
  return findingsOf(state, await survey(session), { arch, now: Date.now() / 1000 });
}

/** Mends one after the other; what each said, or why it failed, by what it is for. */
async function mendAll(to: Connection, findings: Mendable[], options: CheckOptions): Promise<Map<string, Attempt>> {
  const attempts = new Map<string, Attempt>();
  const done = new Map<object, Attempt>();
  const session = await connect(to, { signal: options.signal, environment: options.environment });
  try {
    for (const { what, fix } of findings) {
      if (fix === undefined) continue;
      const attempt = done.get(fix) ?? (await mendOne(session, fix));
      done.set(fix, attempt);
      attempts.set(what, attempt);
    }
  } finally {
    await session.close();
  }
  return attempts;
}

interface Attempt {
  says: string;
  /** Why it could not be done. */
  failure: string | null;
}

async function mendOne(session: Session, fix: NonNullable<Mendable['fix']>): Promise<Attempt> {
  try {
    await fix.mend(session);
    return { says: fix.says, failure: null };
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_DEVICE_COMMAND') throw error;
    return { says: fix.says, failure: error.message };
  }
}

function mended(finding: Mendable, attempt: Attempt | undefined): Mendable {
  if (attempt === undefined) return finding;
  if (attempt.failure !== null) return { ...finding, detail: `${finding.detail}. Not mended: ${attempt.failure}` };
  if (finding.state !== 'has') return { ...finding, detail: `${finding.detail}. Tried: lockstep ${attempt.says}` };
  return { ...finding, state: 'fixed', detail: `lockstep ${attempt.says}; now: ${finding.detail}` };
}

function withoutFix({ what, state, detail }: Mendable): Finding {
  return { what, state, detail };
}
