import { type ErrorCode, LockstepError } from '../errors/index.ts';
import { type DeviceState, observe } from './observe.ts';
import { awaitReturn, type RebootOptions } from './reboot.ts';
import type { Connection } from './ssh/connection.ts';
import type { Session } from './ssh/session.ts';
import { observeJudged, type TrialLimits } from './trial.ts';
import type { Waits } from './waits.ts';

export interface FollowOptions extends RebootOptions {
  wanted: string;
  trial: TrialLimits;
  waits: Waits;
  /** Called with each new login: the one before is gone, and its lock. */
  onSession: (session: Session) => Promise<void>;
}

/** Commands that fail in one boot, without that the device restarts, before that is taken for its state. */
const mostFailures = 5;

/**
 * Follows a device through its reboots until a boot has been judged: an unhealthy one on trial makes the device reboot by
 * itself, at last into the older deployment. Throws what the last attempt to reach it threw when time is up.
 *
 * @param bootId the boot that is to end
 */
export async function followBoots(to: Connection, bootId: string, options: FollowOptions): Promise<DeviceState> {
  const start = performance.now();
  const failures = new Map<string, number>();
  let leaving = bootId;
  for (;;) {
    const left = Math.max(0, options.returnMs - (performance.now() - start));
    const returning = () => awaitReturn(to, leaving, { ...options, returnMs: left });
    const { session, bootId: answering } = await options.waits.during(returning);
    try {
      await options.onSession(session);
      const seen = await judged(session, answering === bootId, options);
      if (answering === bootId || left === 0 || !isRestarting(seen)) return seen;
      leaving = answering;
    } catch (error) {
      const failed = (failures.get(answering) ?? 0) + 1;
      failures.set(answering, failed);
      if (!isCutOff(error) || left === 0 || failed > mostFailures) throw error;
    }
    await session.close();
  }
}

async function judged(session: Session, sameBoot: boolean, options: FollowOptions): Promise<DeviceState> {
  const first = await observe(session, options.wanted);
  if (sameBoot) return first;
  options.onWait?.('waiting until its boot is judged');
  return observeJudged(session, first, options.wanted, options.trial, options.waits);
}

const cutOff: ErrorCode[] = ['E_SSH_CUT', 'E_DEVICE_COMMAND'];

/** A device that goes down ends connections and what runs in them, in either order. */
export function isCutOff(error: unknown): boolean {
  return error instanceof LockstepError && cutOff.includes(error.code);
}

/** An unhealthy deployment on trial: the device is about to reboot. */
function isRestarting({ onTrial, health, judgesItself }: DeviceState): boolean {
  return onTrial && judgesItself && health !== null && !health.healthy;
}
