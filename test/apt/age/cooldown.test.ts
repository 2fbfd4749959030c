import { expect } from 'chai';
import { coolDown, type YoungVersion } from '../../../src/apt/age/cooldown.ts';
import type { ChosenDeb } from '../../../src/apt/archive/index-stanzas.ts';

const deb = (name: string): ChosenDeb => ({ url: `http://127.0.0.1/${name}`, sha256: name });
const young = (name: string): YoungVersion => {
  const now = new Date();
  return { package: name, version: '2', sha256: name, published: { date: now, told: true }, until: now };
};

/** What the newest solution has, of which capital letters are too young; and how often a solution was asked for. */
async function cooled(newest: string, options: { needed?: string; instead?: Record<string, string> } = {}) {
  const { needed = '', instead = {} } = options;
  let asked = 0;
  const found = await coolDown({
    first: [...newest].map(deb),
    tooYoung: async (debs) => debs.filter(({ sha256 }) => /[A-Z]/.test(sha256)).map(({ sha256 }) => young(sha256)),
    without: async (versions) => {
      asked += 1;
      const out = versions.map((each) => each.package);
      if (out.some((name) => needed.includes(name))) return null;
      const older = (name: string): string => (out.includes(name) ? older(instead[name] ?? name.toLowerCase()) : name);
      return [...newest].map((name) => deb(older(name)));
    },
    indispensable: async () => [],
  });
  const letters = (all: { sha256: string }[]) => all.map(({ sha256 }) => sha256).join('');
  return { debs: letters(found.debs), waiting: letters(found.waiting), early: letters(found.early), asked };
}

describe('what is too young', () => {
  it('is left out, in one solution when it can be', async () => {
    expect(await cooled('aBcD')).to.deep.equal({ debs: 'abcd', waiting: 'BD', early: '', asked: 1 });
  });

  it('asks for nothing when there is none', async () => {
    expect(await cooled('abc')).to.deep.equal({ debs: 'abc', waiting: '', early: '', asked: 0 });
  });

  it('is taken where nothing goes without it, and that alone', async () => {
    const { debs, waiting, early } = await cooled('ABCDEFGH', { needed: 'CG' });
    expect([debs, [...waiting].sort().join(''), early]).to.deep.equal(['abCdefGh', 'ABDEFH', 'CG']);
  });

  it('is looked for again in the solution without it', async () => {
    const { debs, waiting } = await cooled('aB', { instead: { B: 'X' } });
    expect([debs, waiting]).to.deep.equal(['ax', 'BX']);
  });

  it('is given up after a bounded number of attempts', async () => {
    const all = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const { asked, debs, early } = await cooled(all, { needed: all });
    expect(asked).to.be.at.most(40);
    expect([debs, early.length]).to.deep.equal([all, all.length]);
  });
});
