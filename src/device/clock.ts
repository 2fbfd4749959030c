import { formatElapsed } from '../progress/format.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './ssh/session.ts';

/** Seconds that a device's clock may be off: signatures are not valid before they, or their key, were made. */
const tolerance = 86_400;

/** How far a device's clock is off, in words; null when it is right enough, or not known. */
export function clockError(clock: number, now: number): string | null {
  const off = clock - now / 1000;
  if (!Number.isFinite(off) || Math.abs(off) <= tolerance) return null;
  return `${formatElapsed(Math.abs(off) * 1000)} ${off < 0 ? 'behind' : 'ahead'}`;
}

/** Gives a device the time of this machine when its own is off by more than a day; says what it did. */
export async function mendClock(session: Session, seen: DeviceState): Promise<string | null> {
  const off = clockError(seen.clock, Date.now());
  if (off === null) return null;
  await session.exec(['date', '-u', '-s', `@${Math.floor(Date.now() / 1000)}`], { check: false, timeoutMs: 30_000 });
  return `its clock was ${off} and was set`;
}
