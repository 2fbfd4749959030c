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

  it('is kept by all who share it, each getting as much', async () => {
    const throttle = new Throttle(1_000_000);
    const taken = [0, 0];
    const started = performance.now();
    const work = async (who: number) => {
      for (; performance.now() - started < 400; taken[who]! += 10_000) await throttle.take(10_000);
    };
    await Promise.all([work(0), work(1)]);
    const seconds = (performance.now() - started) / 1000;
    expect(taken[0]! + taken[1]!).to.be.within(100_000, 1_000_000 * seconds + 80_000);
    expect(Math.abs(taken[0]! - taken[1]!)).to.be.at.most(20_000);
  });

  it('does not save up what was not used', async () => {
    const throttle = new Throttle(1_000_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = performance.now();
    for (let at = 0; at < 300_000; at += 10_000) await throttle.take(10_000);
    expect(performance.now() - started).to.be.greaterThan(200);
  });
});
