import { expect } from 'chai';
import { limitsOf } from '../../src/device/limits.ts';

describe('limitsOf', () => {
  it('waits for all boots of a trial and the one after them', () => {
    expect(limitsOf().return).to.equal(4 * 360_000);
    expect(limitsOf({ boots: 1, boot: 60_000 }).return).to.equal(2 * 120_000);
  });

  it('keeps to what it is given', () => {
    expect(limitsOf({ return: 5_000, down: 7 })).to.include({ return: 5_000, down: 7, boots: 3 });
  });
});
