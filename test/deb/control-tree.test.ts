import { expect } from 'chai';
import { controlTree } from '../../src/deb/control-tree.ts';
import { DataTree } from '../../src/deb/data-tree.ts';
import { openDeb } from '../../src/deb/open.ts';
import { errorOf, inChunks, type MadeDeb, makeDeb } from './debs.ts';
import { MemorySink } from './memory-sink.ts';

async function treeOf(deb: MadeDeb) {
  const opened = await openDeb(inChunks(deb.bytes), deb);
  const sink = new MemorySink();
  const data = new DataTree(deb, sink, { digests: true });
  await data.read(opened.data, async () => {});
  return { sink, root: controlTree(deb, opened.control, data, sink) };
}

/** The control tree of a deb as files: path below /var/lib/dpkg to mode and content. */
async function filesOf(deb: MadeDeb): Promise<Record<string, string>> {
  const { sink, root } = await treeOf(deb);
  const paths = sink.list(root).flatMap((line) => /^-\d+ 0\/0 \.\/var\/lib\/dpkg\/(.*)$/.exec(line)?.[1] ?? []);
  const described = paths.map((name) => {
    const { attributes, content } = sink.at(root, `var/lib/dpkg/${name}`);
    return [name, `${attributes.mode.toString(8)} ${content}`];
  });
  return Object.fromEntries(described) as Record<string, string>;
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
    const { sink, root } = await treeOf(await makeDeb());
    const listed = sink.list(root);
    expect(new Set(listed.map((line) => line.split(' ')[1]))).to.deep.equal(new Set(['0/0']));
    const directories = listed.filter((line) => line.startsWith('d'));
    expect(directories.map((line) => line.split(' ')[0])).to.deep.equal(Array(6).fill('d755'));
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
