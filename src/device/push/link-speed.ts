import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../ssh/session.ts';

/** What is sent first, in bytes, and within how many milliseconds it must be there: over a slow link the question stays small. */
const first = { bytes: 32 * 1024, ms: 150 };

/** What is sent then at most, in pieces, and for how long. */
const then = { bytes: 4 * 1024 * 1024, piece: 128 * 1024, ms: 150 };

const script = `echo ready; head -c ${first.bytes} >/dev/null; echo first; cat >/dev/null; echo taken`;

/**
 * How many bytes a second a device takes from the connection now: link, encryption and what else is at work on both sides. 0 when it does
 * not take a little at once.
 */
export async function linkSpeed(session: Session): Promise<number> {
  const input = new PassThrough({ highWaterMark: then.piece });
  let [sent, started, speed] = [0, 0, 0];
  const send = async () => {
    const piece = randomBytes(then.piece);
    started = performance.now();
    while (sent < then.bytes && performance.now() - started < then.ms) {
      sent += piece.length;
      if (!input.write(piece)) await Promise.race([new Promise((taken) => input.once('drain', taken)), sleep(then.ms)]);
    }
    input.end();
  };
  const onLine = (line: string) => {
    const ms = performance.now() - started;
    if (line === 'ready') {
      started = performance.now();
      input.write(randomBytes(first.bytes));
    } else if (line === 'first' && ms < first.ms) {
      void send();
    } else if (line === 'first') {
      input.end();
    } else if (line === 'taken' && sent > 0) {
      speed = (sent / ms) * 1000;
    }
  };
  await session.script(script, { input, onLine, timeoutMs: 60_000 });
  return speed;
}
