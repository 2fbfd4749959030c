import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { execa } from 'execa';
import { pinnedOf } from '../../../src/apt/changes/pinned.ts';
import type { LockedPackage } from '../../../src/apt/lockfile/lockfile.ts';
import { describeChanges } from '../../../src/image/changes/describe.ts';
import { dataRef } from '../../../src/image/import/import-deb.ts';
import { locked } from '../../apt/samples.ts';

const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100\n';
const entry = (source: string, version: string) =>
  `${source} (${version}) unstable; urgency=low\n\n  * Entry of ${version}.\n\n${trailer}\n`;
const changelog = (source: string, ...versions: string[]) => versions.map((version) => entry(source, version)).join('');

describe('changelogs in the build repository', function () {
  this.timeout(20_000);
  let dir: string;
  let repo: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-changelogs-'));
    repo = path.join(dir, 'repo');
    await execa('ostree', [`--repo=${repo}`, 'init', '--mode=bare']);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** Puts a deb's tree there; files below /usr/share/doc by path, `-> target` for a link. */
  async function imported(deb: LockedPackage, docs: Record<string, string | Buffer>): Promise<LockedPackage> {
    const tree = path.join(dir, `${deb.package}_${deb.version}`);
    for (const [name, content] of Object.entries(docs)) {
      const file = path.join(tree, 'usr/share/doc', name);
      await mkdir(path.dirname(file), { recursive: true });
      const target = typeof content === 'string' ? /^-> (.*)/.exec(content)?.[1] : undefined;
      await (target === undefined ? writeFile(file, content) : symlink(target, file));
    }
    await mkdir(tree, { recursive: true });
    await execa('ostree', [`--repo=${repo}`, 'commit', `--branch=${dataRef(deb)}`, `--tree=dir=${tree}`]);
    return deb;
  }

  async function described(before: LockedPackage[], after: LockedPackage[]) {
    const { sources, missing } = await describeChanges(before.map(pinnedOf), after.map(pinnedOf), repo);
    const told = sources.map(({ changelog: state, entries, note }) => {
      return { state, versions: entries.map(({ version }) => version), note };
    });
    return { first: told[0]!, sources, missing: missing.map((pin) => pin.package) };
  }

  it('give the entries between the versions of an upgrade', async () => {
    const text = changelog('plain', '1.2-1', '1.1-2', '1.1-1', '1.0-1');
    const deb = await imported(locked('plain', '1.2-1'), { 'plain/changelog.Debian.gz': gzipSync(text) });
    const { first, sources } = await described([locked('plain', '1.1-1')], [deb]);
    expect(first).to.deep.equal({ state: 'whole', versions: ['1.2-1', '1.1-2'], note: null });
    expect(sources[0]?.entries[0]).to.include({ changes: '  * Entry of 1.2-1.', source: 'plain' });
  });

  it('are those of the package that the documentation is linked to', async () => {
    const text = gzipSync(changelog('tool', '2-1', '1-1'));
    const of = { Source: 'tool' };
    const library = await imported(locked('libtool1', '2-1', of), { 'libtool1/changelog.Debian.gz': text });
    const program = await imported(locked('tool-bin', '2-1', { ...of, Size: '1' }), { 'tool-bin': '-> libtool1' });
    const before = [locked('tool-bin', '1-1', of), library];
    expect((await described(before, [program, library])).first).to.include({ state: 'whole', note: null });
    const absent = locked('libtool1', '2-1', { ...of, SHA256: 'e'.repeat(64) });
    expect((await described([before[0]!, absent], [program, absent])).missing).to.deep.equal(['libtool1']);
    const file = await imported(locked('tool-more', '2-1', of), {
      'tool-more/changelog.Debian.gz': '-> ../libtool1/changelog.Debian.gz',
    });
    expect((await described([locked('tool-more', '1-1', of), library], [file, library])).first.state).to.equal('whole');
  });

  it('are the plain one of a native package, and not that of the upstream authors', async () => {
    const native = await imported(locked('native', '2'), {
      'native/changelog.gz': gzipSync(changelog('native', '2', '1')),
    });
    expect((await described([locked('native', '1')], [native])).first.versions).to.deep.equal(['2']);
    const foreign = await imported(locked('foreign', '2'), {
      'foreign/changelog.gz': gzipSync('2025-01-01 Us\n\t* x\n'),
    });
    expect((await described([locked('foreign', '1')], [foreign])).first.state).to.equal('none');
  });

  it('have the entry of a rebuild, which lies beside', async () => {
    const deb = await imported(locked('built', '1-1+b2'), {
      'built/changelog.Debian.gz': gzipSync(changelog('built', '1-1', '0.9-1')),
      'built/changelog.Debian.armhf.gz': gzipSync(changelog('built', '1-1+b2', '1-1+b1')),
    });
    expect((await described([locked('built', '0.9-1')], [deb])).first.versions).to.deep.equal([
      '1-1+b2',
      '1-1+b1',
      '1-1',
    ]);
    expect((await described([locked('built', '1-1')], [deb])).first.versions).to.deep.equal(['1-1+b2', '1-1+b1']);
  });

  it('are those of the older deb, when it is gone back to an older one', async () => {
    const deb = await imported(locked('back', '2-1'), {
      'back/changelog.Debian.gz': gzipSync(changelog('back', '2-1', '1-1')),
    });
    const { sources } = await described([deb], [locked('back', '1-1')]);
    expect(sources[0]).to.include({ kind: 'downgraded' });
    expect(sources[0]?.entries.map(({ version }) => version)).to.deep.equal(['2-1']);
  });

  it('are said to be missing, cut or damaged, each with its reason, and never an error', async () => {
    const away = await described([locked('away', '1')], [locked('away', '2')]);
    expect(away).to.deep.include({ missing: ['away'] });
    expect(away.first.note).to.contain('lockstep diff --fetch');
    const cut = await imported(locked('cut', '3'), { 'cut/changelog.gz': gzipSync(changelog('cut', '3', '2')) });
    expect((await described([locked('cut', '1')], [cut])).first).to.include({ state: 'cut' });
    const whole = gzipSync(changelog('torn', ...Array.from({ length: 400 }, (_, index) => `${500 - index}`)));
    const torn = await imported(locked('torn', '500'), { 'torn/changelog.gz': whole.subarray(0, whole.length / 2) });
    const { first } = await described([locked('torn', '1')], [torn]);
    expect(first.state).to.equal('cut');
    expect(first.versions[0]).to.equal('500');
    const none = await imported(locked('none', '2'), { 'none/copyright': 'x' });
    expect((await described([locked('none', '1')], [none])).first).to.include({ state: 'none' });
    const loop = await imported(locked('loop', '2'), { loop: '-> loop' });
    expect((await described([locked('loop', '1')], [loop])).first).to.include({ state: 'none' });
  });

  it('are read no further than is needed, and bounded when they swell', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from(entry('bomb', '2')), Buffer.alloc(100_000_000, ' \n')]), {
      level: 1,
    });
    const deb = await imported(locked('bomb', '2'), { 'bomb/changelog.gz': bomb });
    const before = process.memoryUsage().rss;
    expect((await described([locked('bomb', '1')], [deb])).first.state).to.equal('cut');
    expect(process.memoryUsage().rss - before).to.be.lessThan(90_000_000);
  });
});
