import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type ChangelogEntry, parseChangelog } from '../../../src/apt/changes/changelog.ts';
import { referencesOf } from '../../../src/apt/changes/references.ts';
import { dpkgChangelogs } from './dpkg-changelog.ts';

const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100\n';
const entry = (version: string, changes: string, urgency = 'medium') =>
  `hello (${version}) unstable; urgency=${urgency}\n\n${changes}\n\n${trailer}\n`;

/** As dpkg-parsechangelog(1) shows it: without what it does not know of. */
function shown({ source, version, distributions, urgency, maintainer, date, changes }: ChangelogEntry) {
  return { source, version, distributions, urgency, maintainer, date, changes };
}

describe('a changelog', function () {
  this.timeout(60_000);

  it('is read as Debian’s own reader does, be it of this machine', async () => {
    const texts = [entry('1.0', '  * a\n  * Closes: #12'), ...(await changelogsHere(60))];
    const theirs = await dpkgChangelogs(texts.map((text) => ({ text })));
    for (const [index, text] of texts.entries()) {
      const { entries } = parseChangelog(text);
      expect(entries.map(shown)).to.deep.equal(theirs[index]!.entries);
      expect(referencesOf(entries).bugs).to.deep.equal([...new Set(theirs[index]!.closes)].sort((a, b) => a - b));
    }
  });

  const odd: Record<string, string> = {
    'several suites and further keys': `hello (1:1.0-1+b2) sid experimental; urgency=HIGH, binary-only=yes\n\n  * x\n\n${trailer}`,
    'blank lines within and around the details': entry('1.0', '\n  * a\n\n\n    b\n   \n  * c\n'),
    'comments and keywords of RCS': `# a comment\n$Id: changelog$\n${entry('1.0', '  * a')}/* more */\n${entry('0.9', '  * b')}`,
    'settings of an editor at the end': `${entry('1.0', '  * a')}Local variables:\nmode: debian-changelog\n`,
    'a trailer with a wrong date': entry('1.0', '  * a').replace('Mon, 24 Feb', '24. of Feb'),
    'no trailer at the end': `hello (1.0) unstable; urgency=low\n\n  * a\n`,
    'text that is no changelog': 'Version 1.0 of hello\n * was made\n',
  };
  for (const [what, text] of Object.entries(odd)) {
    it(`is read as Debian’s own reader does with ${what}`, async () => {
      const [theirs] = await dpkgChangelogs([{ text }]);
      expect(parseChangelog(text).entries.map(shown)).to.deep.equal(theirs!.entries);
    });
  }

  it('tells its problems by their lines, and at most twenty of them', () => {
    const text = `${entry('1.0', '  * a')}no heading\n`;
    expect(parseChangelog(text).problems).to.deep.equal([{ line: 7, message: 'neither a heading nor indented' }]);
    expect(parseChangelog('?\n'.repeat(1000)).problems.length).to.equal(20);
  });

  it('knows a rebuild', () => {
    const [first] = parseChangelog(odd['several suites and further keys']!).entries;
    expect(first).to.include({ binaryOnly: true, version: '1:1.0-1+b2', urgency: 'high' });
  });
});

describe('what changelog entries refer to', () => {
  const of = (...texts: string[]) => referencesOf(parseChangelog(texts.join('')).entries);

  it('are CVE ids, each once, by their numbers', () => {
    const changes = '  * CVE-2024-10041, cve-2024-9143 and CVE-2023-0464.\n    CVE-2024-10041 again; CVE-1 is none';
    expect(of(entry('1', changes)).cves).to.deep.equal(['CVE-2023-0464', 'CVE-2024-9143', 'CVE-2024-10041']);
  });

  it('are bugs that are closed, as dpkg finds them, over lines and entries', async () => {
    const changes = [
      '  * Fix (Closes: #1000001, #1000002), (closes: bug#7,\n    8), see #5, LP: #6',
      '  * closes: 99 Closes:Bug#1000002',
    ];
    const text = changes.map((change, index) => entry(`${9 - index}`, change)).join('');
    const [theirs] = await dpkgChangelogs([{ text }]);
    expect(of(text).bugs)
      .to.deep.equal([7, 8, 99, 1000001, 1000002])
      .and.to.deep.equal([...theirs!.closes].sort((a, b) => a - b));
  });

  it('have the highest urgency of all entries', () => {
    expect(
      of(entry('3', '  * a', 'low'), entry('2', '  * b', 'emergency'), entry('1', '  * c', 'high')).urgency,
    ).to.equal('emergency');
    expect(of(entry('1', '  * a', 'whatever')).urgency).to.equal(null);
  });
});

/** Beginnings of changelogs, spread over what is installed. */
async function changelogsHere(count: number): Promise<string[]> {
  const directories = (await readdir('/usr/share/doc')).sort();
  const step = Math.max(1, Math.floor(directories.length / count));
  const files = directories
    .filter((_, index) => index % step === 0)
    .map((name) => path.join('/usr/share/doc', name, 'changelog.Debian.gz'));
  const texts = await Promise.all(files.map((file) => readFile(file).then(gunzipSync, () => null)));
  return texts.filter((text) => text !== null).map((text) => text.toString('utf8', 0, 20_000));
}
