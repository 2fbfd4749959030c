import { expect } from 'chai';
import { clockError } from '../../src/device/clock.ts';

const now = Date.UTC(2026, 10, 23);

describe('clockError', () => {
  it('says nothing of a clock that is a few hours off', () => {
    expect(clockError(now / 1000 - 20_000, now)).to.equal(null);
    expect(clockError(now / 1000 + 20_000, now)).to.equal(null);
  });

  it('says how far a clock is off, and which way', () => {
    expect(clockError(now / 1000 - 48 * 3600, now)).to.equal('48 h 00 min behind');
    expect(clockError(now / 1000 + 48 * 3600, now)).to.equal('48 h 00 min ahead');
  });

  it('takes no answer for no error', () => {
    expect(clockError(Number.NaN, now)).to.equal(null);
  });
});
