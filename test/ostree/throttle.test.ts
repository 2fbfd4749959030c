import { expect } from 'chai';
import { parseRate, Throttle } from '../../src/ostree/throttle.ts';

describe('a rate', () => {
  for (const [text, bytes] of [
    ['500000', 500_000],
    ['500k', 500_000],
    ['1.5M', 1_500_000],
    ['2m', 2_000_000],
    ['1G', 1_000_000_000],
    ['', null],
    ['fast', null],
    ['10MB', null],
    ['-1k', null],
  ] as const) {
    it(`reads ${text === '' ? 'nothing' : text} as ${bytes === null ? 'no rate' : `${bytes} bytes a second`}`, () => {
      expect(parseRate(text)).to.equal(bytes);
    });
  }

  it('is kept by all who share it, one after the other', async () => {
    const throttle = new Throttle(1_000_000);
    const order: number[] = [];
    const started = performance.now();
    const work = async (who: number) => {
      for (let turn = 0; turn < 15; turn += 1) {
        await throttle.take(10_000);
        order.push(who);
      }
    };
    await Promise.all([work(0), work(1)]);
    // 50 ms may have been saved up; a machine that is busy takes longer, never shorter.
    expect(performance.now() - started).to.be.greaterThan(230);
    const [first, second] = [0, 1].map((who) => order.slice(0, 20).filter((one) => one === who).length);
    expect(Math.abs(first! - second!)).to.be.at.most(2);
  });

  it('does not save up what was not used', async () => {
    const throttle = new Throttle(1_000_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = performance.now();
    for (let at = 0; at < 300_000; at += 10_000) await throttle.take(10_000);
    expect(performance.now() - started).to.be.greaterThan(200);
  });
});
