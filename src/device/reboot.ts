import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../errors/index.ts';
import { readBootId } from './observe.ts';
import type { Connection } from './ssh/connection.ts';
import type { Session } from './ssh/session.ts';
import { connect } from './ssh/ssh.ts';

export interface RebootOptions {
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** How long the old boot may go on answering after the command. */
  downMs: number;
  /** How long the device may take altogether until it answers. */
  returnMs: number;
  onWait?: (text: string) => void;
}

// Who looks for the lock meanwhile sees that its owner will come back (lock.ts).
const rebootScript = `mkdir -p /var/lib/lockstep
: >/var/lib/lockstep/rebooting
sync -f /var/lib/lockstep
exec systemctl reboot`;

/** Tells the device to reboot. The connection breaks, at once or a little later: that is how it should be. */
export async function reboot(session: Session): Promise<void> {
  try {
    await session.script(rebootScript, { timeoutMs: 60_000 });
  } catch (error) {
    if (!(error instanceof LockstepError && error.code === 'E_SSH_CUT')) throw error;
  }
  await session.close();
}

export interface Returned {
  session: Session;
  bootId: string;
}

/**
 * Waits until the device answers, and from another boot than `bootId`. When it goes on answering from the old one,
 * returns a session of that: who asks sees it by the boot id. Throws what the last attempt threw when time is up,
 * and at once when another host key shows up.
 */
export async function awaitReturn(to: Connection, bootId: string, options: RebootOptions): Promise<Returned> {
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  let pause = 1_000;
  for (;;) {
    const attempt = await tryOnce(to, options);
    if (attempt instanceof LockstepError) {
      if (attempt.code === 'E_SSH_HOST_KEY' || attempt.code === 'E_INTERRUPTED') throw attempt;
      if (elapsed() > options.returnMs) throw attempt;
      options.onWait?.(`no answer for ${Math.round(elapsed() / 1000)} s`);
    } else {
      if (attempt.bootId !== bootId || elapsed() > options.downMs) return attempt;
      await attempt.session.close();
      options.onWait?.('still shutting down');
    }
    await sleep(pause, undefined, { signal: options.signal }).catch(() => {});
    pause = Math.min(pause * 1.5, 2_000);
  }
}

async function tryOnce(to: Connection, options: RebootOptions): Promise<Returned | LockstepError> {
  let session: Session | null = null;
  try {
    session = await connect(to, { signal: options.signal, environment: options.environment, timeoutMs: 15_000 });
    return { session, bootId: await readBootId(session) };
  } catch (error) {
    await session?.close();
    if (error instanceof LockstepError) return error;
    throw error;
  }
}
