import { type DeviceState, observe } from './observe.ts';
import type { Session } from './session.ts';

/** Waits, bounded, until systemd has started what belongs to the boot, then asks what runs. */
export async function observeSettled(session: Session, settleMs: number): Promise<DeviceState> {
  const seconds = Math.ceil(settleMs / 1000);
  const argv = ['timeout', String(seconds), 'systemctl', 'is-system-running', '--wait'];
  // Its exit code says "degraded" and "timed out" alike; the state itself is read afterwards.
  await session.exec(argv, { check: false, timeoutMs: settleMs + 30_000 });
  return observe(session);
}

/** The last lines of this boot's journal. */
export async function journalTail(session: Session, lines = 400): Promise<string> {
  const argv = ['journalctl', '-b', '-n', String(lines), '--no-pager', '-o', 'short-iso-precise'];
  const { stdout } = await session.exec(argv, { check: false, timeoutMs: 60_000 });
  return stdout;
}
