import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { controlTree } from '../../src/deb/control-tree.ts';
import { DataTree } from '../../src/deb/data-tree.ts';
import { openDeb } from '../../src/deb/open.ts';
import { collect, errorOf, inChunks, type MadeDeb, makeDeb, temporaryDirectory } from './debs.ts';

/** The control tree of a deb as files: path below /var/lib/dpkg to mode and content. */
async function filesOf(deb: MadeDeb): Promise<Record<string, string>> {
  const dir = await temporaryDirectory();
  await execa('tar', ['-xpf', '-', '-C', dir], { input: await treeOf(deb) });
  const root = path.join(dir, 'var/lib/dpkg');
  const files: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const mode = ((await stat(file)).mode & 0o7777).toString(8);
    files[path.relative(root, file)] = `${mode} ${await readFile(file, 'utf8')}`;
  }
  return files;
}

async function treeOf(deb: MadeDeb): Promise<Buffer> {
  const opened = await openDeb(inChunks(deb.bytes), deb);
  const tree = new DataTree(deb, { digests: true });
  await collect(tree.rewrite(opened.data));
  return controlTree(deb, opened.control, tree);
}

describe('controlTree', () => {
  it('has the control files under info, the file list, and the control file apart', async () => {
    const files = await filesOf(
      await makeDeb({ files: { 'bin/x': 'x' }, control: { postinst: '#!/bin/sh\n', md5sums: 'sum  bin/x\n' } }),
    );
    const { 'lockstep/sample_armhf.control': control, ...info } = files;
    expect(control).to.match(/^644 Package: sample\n/);
    expect(info).to.deep.equal({
      'info/sample.list': '644 /.\n/bin\n/bin/x\n',
      'info/sample.md5sums': '644 sum  bin/x\n',
      'info/sample.postinst': '755 #!/bin/sh\n',
    });
  });

  it('names the architecture only for packages that can be installed for several', async () => {
    const files = await filesOf(await makeDeb({ fields: 'Multi-Arch: same\n', control: { md5sums: '' } }));
    expect(Object.keys(files)).to.have.members([
      'info/sample:armhf.list',
      'info/sample:armhf.md5sums',
      'lockstep/sample_armhf.control',
    ]);
    const foreign = await filesOf(await makeDeb({ fields: 'Multi-Arch: foreign\n' }));
    expect(Object.keys(foreign)).to.include('info/sample.list');
  });

  it('makes the checksums that dpkg would make for a deb without any', async () => {
    const files = await filesOf(await makeDeb({ files: { 'usr/a': 'a\n', 'usr/empty': '' } }));
    expect(files['info/sample.md5sums']?.split('\n').sort()).to.deep.equal([
      '',
      '644 60b725f10c9c85c70d97880dfe8191b3  usr/a',
      'd41d8cd98f00b204e9800998ecf8427e  usr/empty',
    ]);
  });

  it('takes no file list from the deb', async () => {
    const files = await filesOf(await makeDeb({ control: { list: '/etc/forged\n' } }));
    expect(files['info/sample.list']).to.equal('644 /.\n');
  });

  it('belongs to root, directories open to all', async () => {
    const input = await treeOf(await makeDeb());
    const { stdout } = await execa('tar', ['--numeric-owner', '-tvf', '-'], { input });
    const owners = stdout.split('\n').map((line) => line.split(/\s+/)[1]);
    expect(new Set(owners)).to.deep.equal(new Set(['0/0']));
    const directories = stdout.split('\n').filter((line) => line.startsWith('d'));
    expect(directories.map((line) => line.split(' ')[0])).to.deep.equal(Array(6).fill('drwxr-xr-x'));
  });

  it('refuses the deb of another package than the lockfile names', async () => {
    const deb = await makeDeb({ name: 'other' });
    const error = await errorOf(treeOf({ ...deb, package: 'wanted' }));
    expect(error.code).to.equal('E_DEB_FORMAT');
    expect(error.message).to.contain('its control file says package other, the lockfile wanted');
    expect((await errorOf(treeOf({ ...deb, version: '2.0' }))).message).to.contain(
      'says version 1.0, the lockfile 2.0',
    );
  });
});
