import { expect } from 'chai';
import { execa } from 'execa';
import { compareVersions } from '../../src/apt/version.ts';

const order = ['older', 'equal', 'newer'] as const;
const ours = (a: string, b: string) => order[Math.sign(compareVersions(a, b)) + 1]!;

describe('the order of versions', () => {
  const known: [string, string, (typeof order)[number]][] = [
    ['1.0~rc1', '1.0', 'older'],
    ['1.0', '1.0a', 'older'],
    ['1.0a', '1.0+b', 'older'],
    ['1.9', '1.10', 'older'],
    ['1:0.1', '9.9', 'newer'],
    ['0:1.0', '1.0', 'equal'],
    ['1.0-0', '1.0', 'equal'],
    ['1.0-1', '1.0-1+b1', 'older'],
    ['2.36-9+deb12u9', '2.36-9+deb12u14', 'older'],
    ['1.0-1~bpo12+1', '1.0-1', 'older'],
    ['1.0-1-2', '1.0-1-10', 'older'],
    ['1.00000000000000000001', '1.1', 'equal'],
    ['1.99999999999999999998', '1.99999999999999999999', 'older'],
  ];
  for (const [a, b, expected] of known) {
    it(`takes ${a} for ${expected === 'equal' ? 'equal to' : `${expected} than`} ${b}`, () => {
      expect(ours(a, b)).to.equal(expected);
    });
  }

  it('is that of dpkg for hundreds of made-up pairs', async () => {
    const random = seeded(20260131);
    const pairs = Array.from({ length: 400 }, () => versionPair(random));
    expect(pairs.map(([a, b]) => `${a} ${b} ${ours(a, b)}`)).to.deep.equal(await dpkgOrder(pairs));
  });
});

/** Versions that are alike up to one edit, since unrelated ones are told apart by their first characters. */
function versionPair(random: () => number): [string, string] {
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  const word = (alphabet: string, length: number) => Array.from({ length }, () => pick(alphabet)).join('');
  const upstream = `${pick('0123456789')}${word('0019.~+ab', Math.floor(random() * 7))}`;
  const version = `${random() < 0.2 ? `${pick('012')}:` : ''}${upstream}${random() < 0.6 ? `-${word('019.~+z', 3)}` : ''}`;
  const start = version.indexOf(':') + 2;
  const at = start + Math.floor(random() * (version.length - start + 1));
  const edited = `${version.slice(0, at)}${pick('09.~+Az')}${version.slice(at + Math.floor(random() * 2))}`;
  return random() < 0.5 ? [version, edited] : [edited, version];
}

async function dpkgOrder(pairs: [string, string][]): Promise<string[]> {
  const script = `while read -r a b; do
    if dpkg --compare-versions "$a" lt "$b"; then echo "$a $b older"
    elif dpkg --compare-versions "$a" eq "$b"; then echo "$a $b equal"
    else echo "$a $b newer"; fi; done`;
  const { stdout } = await execa('sh', ['-c', script], { input: pairs.map((pair) => `${pair.join(' ')}\n`).join('') });
  return stdout.split('\n');
}

/** mulberry32: the same sequence on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
