import { setTimeout as sleep } from 'node:timers/promises';

/** Lets bytes pass at a rate. Who asks first is served first, so that several who share one get the same when they ask for as much. */
export class Throttle {
  readonly #rate: number;
  /** When all that was granted will have passed, in milliseconds. */
  #free = 0;

  /** Bytes in a second. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Resolves when so many bytes may pass. */
  async take(bytes: number): Promise<void> {
    const now = performance.now();
    // What was not used is not saved up, but for a moment: timers are not exact.
    const start = Math.max(this.#free, now - 50);
    this.#free = start + (bytes / this.#rate) * 1000;
    if (start > now) await sleep(start - now);
  }
}

/** Reads a rate in bytes a second, such as `500k`, `2M` or `1500000`; k, M and G are powers of 1000. null: not one. */
export function parseRate(text: string): number | null {
  const match = /^([0-9]+(?:\.[0-9]+)?)([kMG]?)$/i.exec(text.trim());
  if (match === null) return null;
  const factor = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return Math.round(Number(match[1]) * factor);
}
