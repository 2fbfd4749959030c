import { expect } from 'chai';
import { formatBytes, formatCount, formatElapsed } from '../../src/progress/format.ts';

describe('formatElapsed', () => {
  it('gives seconds with one decimal below a minute', () => {
    expect(formatElapsed(0)).to.equal('0.0 s');
    expect(formatElapsed(6340)).to.equal('6.3 s');
  });

  it('never says 60.0 s', () => {
    expect(formatElapsed(59_949)).to.equal('59.9 s');
    expect(formatElapsed(59_951)).to.equal('1 min 00 s');
  });

  it('gives minutes with two-digit seconds, and hours with two-digit minutes', () => {
    expect(formatElapsed(125_000)).to.equal('2 min 05 s');
    expect(formatElapsed(119_700)).to.equal('2 min 00 s');
    expect(formatElapsed(3_599_700)).to.equal('1 h 00 min');
    expect(formatElapsed(4_020_000)).to.equal('1 h 07 min');
  });
});

describe('formatBytes', () => {
  it('gives megabytes of 10^6 with one decimal', () => {
    expect(formatBytes(69_489_152)).to.equal('69.5 MB');
    expect(formatBytes(12)).to.equal('0.0 MB');
  });
});

describe('formatCount', () => {
  it('shows the total only while it is not reached', () => {
    expect(formatCount(12, 173, 'debs')).to.equal('12/173 debs');
    expect(formatCount(173, 173, 'debs')).to.equal('173 debs');
    expect(formatCount(12, undefined, 'debs')).to.equal('12 debs');
    expect(formatCount(0, undefined, 'debs')).to.equal('');
  });
});
