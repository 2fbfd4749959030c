import { LockstepError } from '../errors/index.ts';
import type { Connection } from './connection.ts';
import { type DeviceState, observe } from './observe.ts';
import { awaitReturn, type RebootOptions } from './reboot.ts';
import type { Session } from './session.ts';
import { observeJudged, type TrialLimits } from './trial.ts';

export interface FollowOptions extends RebootOptions {
  wanted: string;
  trial: TrialLimits;
  /** A new login: the old one is gone. It takes the lock again. */
  onSession: (session: Session) => Promise<void>;
}

/** What a device came to, and how long it took until it first answered and was judged. */
export interface Followed {
  seen: DeviceState;
  session: Session;
}

/**
 * Follows a device through its reboots until a boot has been judged: an unhealthy one on trial makes the device reboot by
 * itself, at last into the older deployment. Throws what the last attempt to reach it threw when time is up.
 *
 * @param bootId the boot that is to end
 */
export async function followBoots(to: Connection, bootId: string, options: FollowOptions): Promise<Followed> {
  const start = performance.now();
  let leaving = bootId;
  for (;;) {
    const left = Math.max(0, options.returnMs - (performance.now() - start));
    const { session, bootId: answering } = await awaitReturn(to, leaving, { ...options, returnMs: left });
    await options.onSession(session);
    try {
      const first = await observe(session, options.wanted);
      if (answering === bootId) return { seen: first, session };
      options.onWait?.('judging');
      const seen = await observeJudged(session, first, options.wanted, options.trial);
      if (!isRestarting(seen) || left === 0) return { seen, session };
      leaving = answering;
      options.onWait?.(`not confirmed: ${seen.health?.reasons.join('; ') ?? ''}`);
    } catch (error) {
      // It reboots, or the link was cut: the next answer tells.
      if (!(error instanceof LockstepError && error.code === 'E_SSH_CUT') || left === 0) throw error;
    }
    await session.close();
  }
}

/** An unhealthy deployment on trial: the device is about to reboot. */
export function isRestarting({ onTrial, health, judgesItself }: DeviceState): boolean {
  return onTrial && judgesItself && health !== null && !health.healthy;
}
