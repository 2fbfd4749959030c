import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { MadeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { bothRefs } from './import-site.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { lockstepFrom, tinyDebs, tinyProject, untilMerge } from './tiny-project.ts';

const nobody = 'http://127.0.0.1:1';

interface Part {
  ref: string;
  commit: string;
}

describe('a lockfile whose debs have left the mirror', function () {
  this.timeout(120_000);
  let debs: MadeDeb[];
  let mirror: DebServer;
  let archive: DebServer;

  before(async () => {
    debs = await tinyDebs(4);
  });
  beforeEach(async () => {
    [mirror, archive] = await Promise.all([DebServer.open(), DebServer.open()]);
  });
  afterEach(() => {
    mirror.close();
    archive.close();
  });

  const urlOf = (server: DebServer) => server.candidates('')[0]?.replace(/\/$/, '') ?? '';
  const wrong = (deb: MadeDeb) => Buffer.from(deb.bytes).fill(0x78, deb.size - 10);

  it('builds from the refs of the build repository, with no network at all, and asks no apt', async () => {
    for (const deb of debs) mirror.serve(deb);
    const dir = await tinyProject(debs, { mirror: urlOf(mirror) });
    const first = await lockstepFrom(dir, untilMerge);
    expect(first.exitCode, first.stderr).to.equal(0);
    mirror.close();
    await rm(path.join(dir, '.lockstep/repo/refs/heads/lockstep'), { recursive: true });
    // Neither does the build need to know an archive any more: apt has no suite of that name.
    const file = path.join(dir, 'lockstep.yml');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"mirror":"[^"]*",?/, '').replace(/,}/g, '}'));
    const offline = await lockstepFrom(dir, untilMerge, { wrap: ['unshare', '--net'] });
    expect(offline.exitCode, offline.stderr).to.equal(0);
    const [then, now] = [first, offline].map(({ outcome }) => (outcome.images as Part[])[0]?.commit);
    expect(now).to.equal(then);
    expect(offline.stderr).to.contain('4 debs');
  });

  it('builds as apt2ostree wrote it, under its name and without lines that say what it was made for', async () => {
    for (const deb of debs) archive.serve(deb);
    const named = { mirror: urlOf(mirror), archives: [urlOf(archive)], lockfile: 'Packages.lock' };
    const dir = await tinyProject(debs, named);
    const [ours, theirs] = ['tiny.lock', 'Packages.lock'].map((name) => path.join(dir, name)) as [string, string];
    const text = (await readFile(ours, 'utf8')).replace(/^#.*\n/gm, '').trimStart();
    await rm(ours);
    await writeFile(theirs, text);
    const { exitCode, stderr } = await lockstepFrom(dir, untilMerge);
    expect(exitCode, stderr).to.equal(0);
    expect((await ostree(dir, 'refs', '--list', 'dpkg')).split('\n').sort()).to.deep.equal(bothRefs(debs));
    expect(await readFile(theirs, 'utf8')).to.equal(text);
    expect(text).to.match(/^Package: /);
  });

  it('builds from `archives:` what the mirror no longer has, or has another deb in the place of', async () => {
    const [gone, other, torn, there] = debs as [MadeDeb, MadeDeb, MadeDeb, MadeDeb];
    mirror.serve(other, wrong(other));
    mirror.serve(torn, torn.bytes.subarray(0, -20));
    mirror.serve(there);
    for (const deb of debs) archive.serve(deb);
    const dir = await tinyProject(debs, { mirror: urlOf(mirror), archives: [nobody, urlOf(archive)] });
    const { exitCode, stderr } = await lockstepFrom(dir, untilMerge);
    expect(exitCode, stderr).to.equal(0);
    expect((await ostree(dir, 'refs', '--list', 'dpkg')).split('\n').sort()).to.deep.equal(bothRefs(debs));
    expect(archive.requests.sort()).to.deep.equal([gone, other, torn].map(({ filename }) => filename).sort());
    await ostree(dir, 'fsck');
  });

  it('takes debs from a directory, where files lie as in a pool', async () => {
    const [deb] = debs as [MadeDeb];
    const pool = await temporaryDirectory('pool');
    await mkdir(path.dirname(path.join(pool, deb.filename)), { recursive: true });
    await writeFile(path.join(pool, deb.filename), deb.bytes);
    const dir = await tinyProject([deb], { mirror: urlOf(mirror), archives: [pool] });
    const { exitCode, stderr } = await lockstepFrom(dir, untilMerge);
    expect(exitCode, stderr).to.equal(0);
  });

  it('fails naming the deb and every address, without the password of any', async () => {
    const [gone, other] = debs as [MadeDeb, MadeDeb];
    mirror.serve(other, wrong(other));
    const secret = urlOf(archive).replace('//', '//user:secret@');
    for (const deb of [gone, other]) {
      const dir = await tinyProject([deb], { mirror: urlOf(mirror), archives: [secret, '/nonexistent'] });
      const { exitCode, outcome, stderr } = await lockstepFrom(dir, untilMerge);
      expect(exitCode).to.equal(1);
      expect(outcome.code).to.equal(deb === gone ? 'E_FETCH_GONE' : 'E_DEB_CHECKSUM');
      for (const base of [urlOf(mirror), urlOf(archive).replace('//', '//***@'), '/nonexistent']) {
        const hidden = outcome.message.replaceAll('***@', '');
        expect(hidden).to.contain(`${base.replace('***@', '')}/${deb.filename}`);
      }
      expect(outcome.message).to.contain(`${deb.package} 1.0 armhf`);
      expect(`${JSON.stringify(outcome)}${stderr}`).not.to.contain('secret');
      expect(await readdir(path.join(dir, '.lockstep/repo/refs/heads'))).not.to.include('dpkg');
    }
  });
});
