import { expect } from 'chai';
import { toBlame } from '../../../src/apt/choose/blame.ts';
import { discord, type Held } from '../../../src/apt/choose/discord.ts';
import type { LockedPackage } from '../../../src/apt/lockfile/locked-package.ts';
import { locked } from '../samples.ts';

describe('what is to blame that there is no solution', () => {
  const all = ['a', 'b', 'c', 'd', 'e'];
  /** Unsolvable with any of these sets. */
  const blamed = (...sets: string[]) =>
    toBlame(all, async (kept) => !sets.some((set) => [...set].every((name) => kept.includes(name))));

  it('is the one constraint, or the several that only together leave none', async () => {
    expect(await blamed('c')).to.deep.equal([['c']]);
    expect(await blamed('ad')).to.deep.equal([['a', 'd']]);
    expect(await blamed('abcde')).to.deep.equal([all]);
  });

  it('is each cause, where there are several', async () => {
    expect(await blamed('a', 'ce')).to.have.deep.members([['a'], ['c', 'e']]);
  });

  it('is no constraint where there is no solution anyway', async () => {
    expect(await toBlame(all, async () => false)).to.equal(null);
  });
});

describe('why a held package does not fit', () => {
  const why = (free: LockedPackage[], held: Held[], others: LockedPackage[] = []) => {
    const every = [...free, ...held.flatMap(({ at }) => at ?? []), ...others];
    return discord(free, held, async (names) => every.filter((entry) => names.includes(entry.package)));
  };
  const hold = (at: LockedPackage): Held => ({ package: at.package, at });

  it('is that another one needs a newer version', async () => {
    const free = [locked('curl', '8.0-1', { Depends: 'libssl3 (>= 3.0.17)' }), locked('libssl3', '3.0.18-1')];
    expect(await why(free, [hold(locked('libssl3', '3.0.15-1'))])).to.deep.equal([
      'curl 8.0-1 needs libssl3 (>= 3.0.17)',
    ]);
  });

  it('is that it needs what no suite has any more', async () => {
    const free = [locked('libssl3', '3.0.18-1'), locked('ssl-data', '3.0.18-1')];
    const old = locked('libssl3', '3.0.15-1', { Depends: 'ssl-data (= 3.0.15-1)' });
    expect(await why(free, [hold(old)])).to.deep.equal([
      'libssl3 3.0.15-1 needs ssl-data (= 3.0.15-1); there is ssl-data 3.0.18-1',
    ]);
  });

  it('is found where what it needs is there, but does not fit itself', async () => {
    const free = [
      locked('app', '2', { Depends: 'data (>= 2)' }),
      locked('lib', '2', { Depends: 'data (= 2)' }),
      locked('data', '2'),
    ];
    const old = locked('lib', '1', { Depends: 'data (= 1)' });
    expect(await why(free, [hold(old)], [locked('data', '1')])).to.deep.equal([
      'lib 1 needs data (= 1)',
      'app 2 needs data (>= 2)',
    ]);
  });

  it('is that what goes with it has to be held as well', async () => {
    const free = [locked('curl', '8.1', { Depends: 'libcurl4 (= 8.1)' }), locked('libcurl4', '8.1')];
    const old = locked('curl', '8.0', { Depends: 'libcurl4 (= 8.0)' });
    expect(await why(free, [hold(old)], [locked('libcurl4', '8.0')])).to.deep.equal([
      'curl 8.0 needs libcurl4 (= 8.0): pin libcurl4 to 8.0 as well',
    ]);
  });

  it('is that another one breaks or conflicts with it', async () => {
    const free = [locked('new', '2', { Breaks: 'old (<< 2)' }), locked('old', '2')];
    expect(await why(free, [hold(locked('old', '1'))])).to.deep.equal(['new 2 breaks old (<< 2), which is old 1']);
  });

  it('is that a package is needed that is to be kept out', async () => {
    const free = [locked('tool', '1', { Depends: 'perl:any | python3' }), locked('perl', '5')];
    expect(await why(free, [{ package: 'perl', at: null }], [locked('python3', '3')])).to.deep.equal([
      'tool 1 needs perl or python3',
    ]);
  });

  it('is nothing when it does fit, or is not in the solution at all', async () => {
    const free = [locked('curl', '8', { Depends: 'tls' }), locked('gnutls', '3', { Provides: 'tls' })];
    expect(await why(free, [hold(locked('gnutls', '2', { Provides: 'tls' }))])).to.deep.equal([]);
    expect(await why(free, [hold(locked('wget', '1', { Depends: 'nothing' }))])).to.deep.equal([]);
  });
});
