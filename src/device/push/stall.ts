import { LockstepError } from '../../errors/index.ts';
import type { Activity } from '../../ostree/serve.ts';

/** Milliseconds. */
export interface StallLimits {
  /** While something is on its way to the device and none of it is taken. */
  sending: number;
  /** While the device asks for nothing: it unpacks, writes to its disk, or reads all objects. */
  waiting: number;
}

export const usualStallLimits: StallLimits = { sending: 60_000, waiting: 900_000 };

/**
 * Rejects with E_PUSH_STALLED once nothing has moved for too long; never resolves. A slow transfer is no stalled one: any byte counts.
 */
export function untilStalled(
  device: string,
  activity: () => Activity,
  limits: StallLimits,
): { stalled: Promise<never>; stop(): void } {
  let timer: NodeJS.Timeout;
  const stalled = new Promise<never>((_, reject) => {
    const look = () => {
      const { idleMs, sending } = activity();
      const limit = sending > 0 ? limits.sending : limits.waiting;
      if (idleMs < limit) return;
      clearInterval(timer);
      reject(stall(device, idleMs, sending > 0));
    };
    timer = setInterval(look, Math.min(1000, limits.sending / 4));
  });
  stalled.catch(() => {});
  return { stalled, stop: () => clearInterval(timer) };
}

function stall(device: string, idleMs: number, sending: boolean): LockstepError {
  const seconds = Math.round(idleMs / 1000);
  const message = sending
    ? `device ${device}: the transfer stalled: the device has not taken a byte for ${seconds} s`
    : `device ${device}: the transfer stalled: the device has asked for nothing for ${seconds} s`;
  return new LockstepError('E_PUSH_STALLED', message, {
    hint: 'What arrived is kept: the next push goes on from there.',
  });
}
