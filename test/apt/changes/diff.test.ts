import { expect } from 'chai';
import { changesBetween, formatChange } from '../../../src/apt/changes/diff.ts';
import { locked } from '../samples.ts';

describe('changes between lockfiles', () => {
  const before = [locked('dash', '1.0'), locked('gone', '2'), locked('openssl', '3.0.16-1'), locked('same', '1')];
  const after = [
    locked('dash', '1.0~rc1'),
    locked('fresh', '5'),
    locked('openssl', '3.0.17-1'),
    locked('same', '1', { SHA256: 'f'.repeat(64) }),
  ];

  it('are listed by package, with the direction by the order of versions', () => {
    expect(changesBetween(before, after)).to.deep.equal([
      { package: 'dash', from: '1.0', to: '1.0~rc1', kind: 'downgraded' },
      { package: 'fresh', from: null, to: '5', kind: 'added' },
      { package: 'gone', from: '2', to: null, kind: 'removed' },
      { package: 'openssl', from: '3.0.16-1', to: '3.0.17-1', kind: 'upgraded' },
      { package: 'same', from: '1', to: '1', kind: 'rebuilt' },
    ]);
  });

  it('are none between equal lockfiles', () => {
    expect(changesBetween(before, [...before].reverse())).to.deep.equal([]);
  });

  it('read as one line each', () => {
    expect(changesBetween(before, after).map(formatChange)).to.deep.equal([
      'dash 1.0 -> 1.0~rc1 (downgraded)',
      'fresh 5 added',
      'gone 2 removed',
      'openssl 3.0.16-1 -> 3.0.17-1',
      'same 1 -> 1 (rebuilt)',
    ]);
  });
});
