import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { linkSpeed } from '../../../src/device/push/link-speed.ts';
import type { Session } from '../../../src/device/ssh/session.ts';

/** A device that takes 32 KiB each so many milliseconds, and counts what it took. */
function deviceTaking(ms: number): { session: Session; taken(): number } {
  let taken = 0;
  const script = async (_: string, { input, onLine }: { input: Readable; onLine(line: string): void }) => {
    onLine('ready');
    let pause = 0;
    let isFirst = true;
    for await (const piece of input) {
      taken += piece.length;
      pause += (piece.length / 32_768) * ms;
      if (pause >= 1) await sleep(pause);
      if (pause >= 1) pause = 0;
      if (isFirst && taken >= 32_768) onLine('first');
      isFirst = isFirst && taken < 32_768;
    }
    onLine('taken');
  };
  return { session: { script } as unknown as Session, taken: () => taken };
}

describe('the speed of a link', () => {
  it('is asked of a slow one with a few bytes', async () => {
    const { session, taken } = deviceTaking(300);
    expect(await linkSpeed(session)).to.equal(0);
    expect(taken()).to.equal(32_768);
  });

  it('is what a device takes in a second', async () => {
    const { session, taken } = deviceTaking(4);
    // Less than the 8.2 MB of its pauses, which a busy machine makes longer.
    expect(await linkSpeed(session)).to.be.within(500_000, 8_500_000);
    expect(taken()).to.be.lessThan(3_000_000);
  });

  it('is measured with no more than is needed where it is fast', async () => {
    const { session, taken } = deviceTaking(0);
    expect(await linkSpeed(session)).to.be.greaterThan(12_500_000);
    expect(taken()).to.equal(4 * 1024 * 1024 + 32_768);
  });
});
