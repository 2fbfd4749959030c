import { LockstepError } from '../errors/index.ts';
import type { Hold } from './hold.ts';
import { kargOptions } from './kargs.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './ssh/session.ts';
import { type Deployment, nameOf, parseStatus } from './status.ts';
import { closeTrial, correctFallback, openTrial, type TrialLimits } from './trial.ts';

/**
 * Makes a commit that the device has what its next boot takes, and that boot a trial. The counter is armed first: from the
 * moment the boot loader knows the deployment, its boots are counted.
 */
export async function deployCommit(
  { session, owner, waits }: Hold,
  before: DeviceState,
  commit: string,
  limits: TrialLimits & { deploy: number },
): Promise<void> {
  try {
    await openTrial(session, before, commit, owner, limits);
    if (before.deployments[0]?.checksum !== commit) {
      await waits.during(() => makeFirst(session, before, commit, limits.deploy));
    }
    const deployments = await deploymentsOf(session);
    if (deployments[0]?.checksum !== commit) {
      throw new LockstepError('E_DEVICE_COMMAND', `device ${session.device}: ostree did not put the commit first`);
    }
    const older = deployments.findIndex(({ booted }) => booted);
    await correctFallback(session, before, older, limits);
  } catch (error) {
    // Nothing is on trial then; a counter left armed would drive the good deployment out after some boots.
    if (session.alive) await closeTrial(session, before).catch(() => {});
    throw error;
  }
}

async function deploymentsOf(session: Session): Promise<Deployment[]> {
  const { stdout } = await session.exec(['ostree', 'admin', 'status'], { timeoutMs: 60_000 });
  return parseStatus(stdout);
}

/** A deployment that is there already keeps its /etc; Debian 12's ostree knows no way to it, and deploys anew. */
async function makeFirst(session: Session, before: DeviceState, commit: string, timeoutMs: number): Promise<void> {
  const there = before.deployments.find((each) => each.checksum === commit && isSameRoot(each, before.booted));
  if (there !== undefined && (await hasSetDefault(session))) {
    await session.exec(['ostree', 'admin', 'set-default', String(there.index)], { timeoutMs });
    return;
  }
  const kargs = await kargOptions(session, before, commit);
  await session.exec(['ostree', 'admin', 'deploy', `--os=${before.booted.stateroot}`, ...kargs, commit], { timeoutMs });
}

// Asked for the help of a verb that it does not know, ostree prints its own, with exit code 0.
async function hasSetDefault(session: Session): Promise<boolean> {
  const { stdout } = await session.exec(['ostree', 'admin', '--help'], { check: false, timeoutMs: 30_000 });
  return /^\s+set-default\b/m.test(stdout);
}

/** The deployment that `lockstep deploy --rollback` goes back to: the next one in the boot order. */
export function olderThanBooted({ deployments, booted }: DeviceState): Deployment | null {
  return deployments.find((each) => each.index > booted.index && isSameRoot(each, booted)) ?? null;
}

/** The deployment that ran before the one on trial. */
export function beforeTrial(seen: DeviceState): Deployment | null {
  const { deployments, booted, trial } = seen;
  const recorded = trial?.commit === booted.checksum ? trial.previous : null;
  return deployments.find((each) => !each.booted && nameOf(each) === recorded) ?? olderThanBooted(seen);
}

/** Takes away the deployments of a commit that is not to be booted again. */
export async function undeploy(session: Session, seen: DeviceState, commit: string, timeoutMs: number): Promise<void> {
  const bad = seen.deployments.filter(({ booted, checksum }) => !booted && checksum === commit);
  // From the last on: each that goes moves those behind it.
  for (const { index } of bad.reverse()) {
    await session.exec(['ostree', 'admin', 'undeploy', String(index)], { timeoutMs });
  }
}

function isSameRoot(one: Deployment, other: Deployment): boolean {
  return one.stateroot === other.stateroot;
}
