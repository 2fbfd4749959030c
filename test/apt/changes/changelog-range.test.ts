import { expect } from 'chai';
import { parseChangelog } from '../../../src/apt/changes/changelog.ts';
import { entriesBetween } from '../../../src/apt/changes/changelog-range.ts';
import { dpkgChangelogs } from './dpkg-changelog.ts';

/** Newest first. */
function changelogOf(...versions: string[]): string {
  const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100\n';
  return versions
    .map((version) => `hello (${version}) unstable; urgency=low\n\n  * ${version}\n\n${trailer}\n`)
    .join('');
}

describe('the entries between two versions', () => {
  function between(text: string, from: string, to: string) {
    const { entries, complete } = entriesBetween(parseChangelog(text).entries, from, to);
    return { versions: entries.map(({ version }) => version), complete };
  }

  it('are those that dpkg-parsechangelog gives since the older one, up to the newer', async () => {
    const text = changelogOf('1:1.0-1', '2.1-1', '2.0-2', '2.0-1', '1.9-1');
    for (const [since, to] of [
      ['2.0-1', '2.1-1'],
      ['1.9-1', '1:1.0-1'],
      ['2.0-2', '2.1-1'],
    ] as const) {
      const [theirs] = await dpkgChangelogs([{ text, since, to }]);
      const versions = theirs!.entries.map(({ version }) => version);
      expect(between(text, since, to)).to.deep.equal({ versions, complete: true });
    }
  });

  it('go by their places: a backport’s entries have higher versions below it', () => {
    const text = changelogOf('2.0-1~bpo12+1', '2.0-1', '1.5-1', '1.0-1');
    const versions = ['2.0-1~bpo12+1', '2.0-1', '1.5-1'];
    expect(between(text, '1.0-1', '2.0-1~bpo12+1')).to.deep.equal({ versions, complete: true });
  });

  it('go by the order of versions where the older one was not built upon', () => {
    const text = changelogOf('2.0-3', '2.0-2', '2.0-1', '1.0-1');
    expect(between(text, '2.0-1+deb12u1', '2.0-3')).to.deep.equal({ versions: ['2.0-3', '2.0-2'], complete: true });
  });

  it('are all there are, and said to be cut, in a changelog that does not reach back', () => {
    expect(between(changelogOf('2.0-3', '2.0-2'), '1.0-1', '2.0-3')).to.deep.equal({
      versions: ['2.0-3', '2.0-2'],
      complete: false,
    });
  });

  it('begin with the newest entry when the newer version has none', () => {
    expect(between(changelogOf('2.0-2', '2.0-1'), '2.0-1', '2.0-2+b1').versions).to.deep.equal(['2.0-2']);
  });
});
