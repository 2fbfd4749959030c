import { appendFile, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { checkLocalDebs, isLocal, localFile, readLocalDebs } from '../../../src/apt/lockfile/local-debs.ts';
import { parseLockfile } from '../../../src/apt/lockfile/lockfile.ts';
import { matchingFiles } from '../../../src/apt/lockfile/matching-files.ts';
import { type MadeDeb, makeDeb, temporaryDirectory } from '../../deb/debs.ts';
import { refusal } from '../../refusal.ts';

describe('debs of the project’s own', () => {
  let root: string;
  let app: MadeDeb;
  const image = (debs: string[], arch: 'armhf' | 'amd64' = 'armhf') => ({
    name: 'panel',
    arch,
    debs,
    lockfile: path.join(root, 'panel.lock'),
  });
  const put = (deb: MadeDeb, name: string) => copyFile(deb.file, path.join(root, 'dist', name));

  before(async () => {
    app = await makeDeb({ name: 'app', fields: 'Depends: tzdata\n' });
  });
  beforeEach(async () => {
    root = await temporaryDirectory();
    await mkdir(path.join(root, 'dist'));
    await put(app, 'app_1.0_armhf.deb');
  });

  it('stand in a lockfile as in a flat archive, with the size and sha256 that they have', async () => {
    const [locked, ...others] = await readLocalDebs(image(['dist/*.deb', 'dist/app*']));
    expect(others).to.deep.equal([]);
    expect(locked).to.include({
      package: 'app',
      filename: './dist/app_1.0_armhf.deb',
      size: app.size,
      sha256: app.sha256,
    });
    expect(locked?.fields.get('Depends')).to.equal('tzdata');
    const text = `${locked?.fields.raw}\n\n`;
    const [read] = parseLockfile(text, 'panel.lock').packages;
    expect(read).to.deep.include({ filename: './dist/app_1.0_armhf.deb', sha256: app.sha256 });
    expect([isLocal(read!), isLocal({ filename: 'pool/main/a/app.deb' })]).to.deep.equal([true, false]);
    expect(localFile('/project', read!)).to.equal('/project/dist/app_1.0_armhf.deb');
  });

  it('are missed when a pattern is no file', async () => {
    const error = await refusal(readLocalDebs(image(['dist/*.deb', 'out/*.deb'])), 'E_DEB_LOCAL');
    expect(error.message).to.equal('image panel: no file is out/*.deb');
    expect(error.exitCode).to.equal(2);
  });

  it('of another architecture are left out, unless no other is there', async () => {
    expect((await refusal(readLocalDebs(image(['dist/*.deb'], 'amd64')), 'E_DEB_LOCAL')).message).to.contain('amd64');
    await put(await makeDeb({ name: 'tool' }), 'tool.deb');
    expect((await readLocalDebs(image(['dist/*.deb']))).map((locked) => locked.package)).to.deep.equal(['app', 'tool']);
  });

  it('are refused when two are of one package', async () => {
    await put(app, 'app_0.9_armhf.deb');
    const error = await refusal(readLocalDebs(image(['dist/*.deb'])), 'E_DEB_LOCAL');
    expect(error.message).to.contain('app_0.9_armhf.deb').and.to.contain('app_1.0_armhf.deb');
  });

  it('are refused when they are no debs', async () => {
    await writeFile(path.join(root, 'dist/notes.deb'), 'hello');
    expect((await refusal(readLocalDebs(image(['dist/notes.deb'])), 'E_DEB_FORMAT')).message).to.contain('notes.deb');
  });

  it('are refused by a build when they are gone or others than pinned', async () => {
    const packages = await readLocalDebs(image(['dist/*.deb']));
    const lockfile = path.join(root, 'panel.lock');
    await checkLocalDebs(lockfile, packages);
    await appendFile(path.join(root, 'dist/app_1.0_armhf.deb'), 'x');
    const changed = await refusal(checkLocalDebs(lockfile, packages), 'E_DEB_LOCAL');
    expect(changed.message).to.contain('is not the deb').and.to.contain(app.sha256);
    expect(changed.hint).to.contain('lockstep update');
    await rm(path.join(root, 'dist/app_1.0_armhf.deb'));
    expect((await refusal(checkLocalDebs(lockfile, packages), 'E_DEB_LOCAL')).message).to.contain('cannot be read');
  });
});

describe('a pattern of files', () => {
  it('means names by * and ?, not hidden ones, in the order of their names', async () => {
    const root = await temporaryDirectory();
    for (const file of ['b/x.deb', 'a/y1.deb', 'a/y2.deb', 'a/.z.deb', 'a/y.changes', '.h/x.deb']) {
      await mkdir(path.join(root, path.dirname(file)), { recursive: true });
      await writeFile(path.join(root, file), '');
    }
    expect(await matchingFiles(root, '*/*.deb')).to.deep.equal(['a/y1.deb', 'a/y2.deb', 'b/x.deb']);
    expect(await matchingFiles(root, 'a/y?.deb')).to.deep.equal(['a/y1.deb', 'a/y2.deb']);
    expect(await matchingFiles(root, 'a/y1.deb')).to.deep.equal(['a/y1.deb']);
    expect(await matchingFiles(root, 'a/y1.deb/x.deb')).to.deep.equal([]);
  });
});
