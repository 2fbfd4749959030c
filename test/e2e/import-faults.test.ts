import { randomBytes } from 'node:crypto';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { importDeb } from '../../src/image/import/import-deb.ts';
import { commitArgv } from '../../src/ostree/commit.ts';
import { markOf } from '../../src/ostree/deferred-sync.ts';
import { ObjectWriter } from '../../src/ostree/object-writer.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { entryFor, errorOf, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { bothRefs, ImportSite, sampleDebs } from './import-site.ts';

describe('the import of debs, when something fails', function () {
  this.timeout(120_000);
  let debs: MadeDeb[];
  let site: ImportSite;

  before(async () => {
    debs = await sampleDebs();
  });
  beforeEach(async () => {
    site = await ImportSite.open(debs);
  });
  afterEach(() => site.close());

  it('makes no ref for a deb that is not the pinned one, and says which', async () => {
    const [wrong] = debs as [MadeDeb];
    const other = Buffer.from(wrong.bytes);
    other[other.length - 1] = (other[other.length - 1] ?? 0) ^ 1;
    site.server.serve(wrong, other);
    const error = await errorOf(site.import({ packages: [wrong] }));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    expect(error.message).to.contain('odd 1.0 armhf').and.to.contain(wrong.sha256);
    expect(await site.refs()).to.deep.equal([]);
    site.server.serve(wrong);
    expect(await site.import()).to.include({ imported: 4 });
  });

  it('makes no ref for a deb that is too short, too long, or a page of HTML', async () => {
    const [deb] = debs as [MadeDeb];
    const page = Buffer.from('<html><body>Please log in</body></html>');
    for (const bytes of [deb.bytes.subarray(0, -1), Buffer.concat([deb.bytes, page]), page]) {
      site.server.serve(deb, bytes);
      expect((await errorOf(site.import({ packages: [deb] }))).code).to.equal('E_DEB_CHECKSUM');
    }
    expect(await site.refs()).to.deep.equal([]);
  });

  it('goes on with a download that broke off', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    site.server.cut(big, 1_500_000);
    await site.import();
    expect(site.server.requests.filter((name) => name === big.filename)).to.have.length(2);
    expect(await site.refs()).to.deep.equal(bothRefs(debs));
  });

  it('begins again when the file changed while its download was broken off', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    site.server.cut({ ...big, bytes: randomBytes(big.size) }, 1_500_000, () => site.server.serve(big));
    expect(await site.import()).to.include({ imported: 4 });
    expect(site.server.requests.filter((name) => name === big.filename)).to.have.length(3);
    await execa('ostree', ['fsck', `--repo=${site.repo}`]);
  });

  it('keeps what was finished when one deb fails', async () => {
    const [gone, ...others] = debs as [MadeDeb, ...MadeDeb[]];
    await site.import({ packages: others });
    const error = await errorOf(site.import({ packages: [{ ...gone, filename: 'pool/gone.deb' }, ...others] }));
    expect(error.code).to.equal('E_FETCH_GONE');
    expect(await site.refs()).to.deep.equal(bothRefs(others));
    await execa('ostree', ['fsck', `--repo=${site.repo}`]);
  });

  it('leaves no ref of what was at work when it is interrupted, and goes on the next time', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    const stop = new AbortController();
    const started = site.server.hang(big, 2_000_000);
    const work = errorOf(site.import({ signal: stop.signal }));
    await started;
    await pause(200);
    stop.abort();
    expect((await work).code).to.equal('E_INTERRUPTED');
    expect(await site.refs()).to.not.include.members([`dpkg/data/${big.sha256}`]);
    site.server.serve(big);
    await site.import();
    expect(await site.refs()).to.deep.equal(bothRefs(debs));
    await execa('ostree', ['fsck', `--repo=${site.repo}`]);
  });

  it('makes no ref before the whole deb has come, though its files have', async () => {
    const small = await makeDeb({ name: 'small', files: { 'usr/a': 'a' }, compression: 'none' });
    const signature = Buffer.from(`${'_sig'.padEnd(16)}0           0     0     100644  2         \`\nok`);
    const bytes = Buffer.concat([small.bytes, signature]);
    let refsBefore: string[] | undefined;
    async function* late() {
      yield small.bytes;
      await pause(500);
      refsBefore = await site.refs();
      yield signature;
    }
    const writer = await ObjectWriter.open(site.toolbox, { repo: site.repo, directory: 'late' });
    const deb = { ...small, ...entryFor(bytes, 'small') };
    await importDeb(deb, late(), writer);
    await writer.close();
    expect(refsBefore).to.deep.equal([]);
    expect(await site.refs()).to.deep.equal(bothRefs([deb]));
  });

  it('takes back what it had written when the machine went down before it was on the disk', async () => {
    const [first, second] = debs as [MadeDeb, MadeDeb];
    await site.import({ packages: [first] });
    expect(await readdir(path.dirname(site.repo)), 'a mark after a whole import').to.not.include('repo.unsynced');
    await site.toolbox.run(
      commitArgv([`ref=dpkg/data/${first.sha256}`], { repo: site.repo, ref: 'panel/armhf', subject: 'kept' }),
    );
    await writeFile(markOf(site.repo), 'another boot\n');
    await pause(50);
    const tar = path.join(site.root, 'cut-off.tar');
    await execa('dpkg-deb', ['--fsys-tarfile', second.file], { stdout: { file: tar } });
    for (const ref of bothRefs([second]))
      await site.toolbox.run(commitArgv([`tar=${tar}`], { repo: site.repo, ref, subject: 'cut off' }));
    await emptyFiles(path.join(site.repo, 'objects'), markOf(site.repo));
    await writeFile(path.join(site.repo, 'refs/heads', `dpkg/data/${second.sha256}`), '');
    expect(await site.import()).to.include({ imported: 4 });
    expect(await site.refs()).to.deep.equal([...bothRefs(debs), 'panel/armhf']);
    await execa('ostree', ['fsck', `--repo=${site.repo}`]);
  });

  it('says that the disk is full, makes no ref then, and goes on when there is space', async () => {
    const mounted = path.join(site.root, '.lockstep/full');
    await mkdir(mounted);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=70m', 'lockstep-full', mounted]);
    try {
      const there = path.join(mounted, 'repo');
      await ensureRepo(site.toolbox, there, 'bare');
      const error = await errorOf(site.import({ repo: there }));
      expect(error.code).to.equal('E_DISK_FULL');
      const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
      expect(await site.refs(there)).to.not.include(`dpkg/data/${big.sha256}`);
      await execa('mount', ['-o', 'remount,size=200m', mounted]);
      await site.import({ repo: there });
      expect(await site.refs(there)).to.deep.equal(bothRefs(debs));
      await execa('ostree', ['fsck', `--repo=${there}`]);
    } finally {
      await execa('umount', [mounted]);
    }
  });
});

/** Does to the files that are newer than `mark` what a power cut does to those that are not yet on the disk. */
async function emptyFiles(dir: string, mark: string): Promise<void> {
  const { stdout } = await execa('find', [dir, '-type', 'f', '-cnewer', mark]);
  const files = stdout.split('\n').filter(Boolean);
  expect(files).to.not.deep.equal([]);
  for (const file of files) await truncate(file);
}
