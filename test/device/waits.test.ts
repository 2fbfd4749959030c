import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Waits } from '../../src/device/waits.ts';

describe('waits of a deployment', () => {
  it('count what overlaps once', async () => {
    const waits = new Waits();
    const start = performance.now();
    await Promise.all([waits.during(() => sleep(60)), waits.during(() => sleep(40))]);
    const elapsed = performance.now() - start;
    expect(waits.ms).to.be.within(55, elapsed);
  });

  it('last from the reboot until the device had judged its boot, whatever it was asked meanwhile', async () => {
    const waits = new Waits();
    const start = performance.now();
    waits.reboot();
    await waits.during(() => sleep(10));
    await sleep(30);
    const judged = waits.untilJudged();
    await sleep(30);
    judged(20);
    const end = performance.now();
    expect(waits.judgedAt).to.be.within(start, end - 20);
    expect(waits.ms).to.be.closeTo((waits.judgedAt ?? 0) - start, 1);
  });

  it('are none when the boot was judged before the device was asked', async () => {
    const waits = new Waits();
    waits.untilJudged()(60_000);
    expect(waits.ms).to.equal(0);
  });
});
