import { createHash } from 'node:crypto';
import { chmod, link, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { DataTree } from '../../src/deb/data-tree.ts';
import { openDeb } from '../../src/deb/open.ts';
import { inChunks, type MadeDeb, makeDeb, temporaryDirectory } from './debs.ts';
import { MemorySink } from './memory-sink.ts';
import { readTree, resum, tarOf } from './tars.ts';

async function readDeb(deb: MadeDeb) {
  const opened = await openDeb(inChunks(deb.bytes, 4096), deb);
  const sink = new MemorySink();
  const tree = new DataTree(deb, sink, { digests: true });
  await tree.read(opened.data, async () => {});
  await opened.finish();
  return { tree, sink, listed: sink.list(tree.root) };
}

describe('DataTree', () => {
  it('puts what lies in /bin, /sbin and /lib* under /usr, with the targets of hard links but not of symbolic ones', async () => {
    const { listed } = await readTree(
      await tarOf(
        { name: './', type: 'directory', mode: 0o755 },
        { name: './bin/', type: 'directory', mode: 0o755 },
        { name: './bin/gunzip', mode: 0o755 },
        { name: './bin/uncompress', type: 'link', linkname: './bin/gunzip', mode: 0o755 },
        { name: './bin/zcat', type: 'symlink', linkname: 'gunzip', mode: 0o777 },
        { name: './lib64/', type: 'directory', mode: 0o755 },
        { name: './lib64/ld.so', type: 'symlink', linkname: '/lib/ld-2.so', mode: 0o777 },
        { name: './sbin/x', type: 'symlink', linkname: '../etc/x', mode: 0o777 },
        { name: './library/keep', mode: 0o644 },
      ),
    );
    expect(listed).to.deep.equal([
      'd755 0/0 ./',
      'd755 0/0 ./library/',
      '-644 0/0 ./library/keep',
      'd755 0/0 ./usr/',
      'd755 0/0 ./usr/bin/',
      '-755 0/0 ./usr/bin/gunzip',
      '-755 0/0 ./usr/bin/uncompress',
      'l777 0/0 ./usr/bin/zcat -> gunzip',
      'd755 0/0 ./usr/lib64/',
      'l777 0/0 ./usr/lib64/ld.so -> /lib/ld-2.so',
      'd755 0/0 ./usr/sbin/',
      'l777 0/0 ./usr/sbin/x -> ../etc/x',
    ]);
  });

  it('lists paths as the deb names them', async () => {
    const { tree } = await readTree(
      await tarOf(
        { name: './', type: 'directory' },
        { name: './bin/', type: 'directory' },
        { name: './bin/sh' },
        { name: 'usr/no-dot' },
      ),
    );
    expect(tree.paths).to.deep.equal(['/.', '/bin', '/bin/sh', '/usr/no-dot']);
  });

  it('leaves out the links that make a system merged, but lists them', async () => {
    const { tree, listed } = await readTree(
      await tarOf(
        { name: './', type: 'directory' },
        { name: './bin', type: 'symlink', linkname: 'usr/bin' },
        { name: './lib64', type: 'symlink', linkname: '/usr/lib64' },
      ),
    );
    expect(listed).to.deep.equal(['d755 0/0 ./']);
    expect(tree.paths).to.deep.equal(['/.', '/bin', '/lib64']);
  });

  it('keeps modes, owners, sizes and link targets of any length', async () => {
    const long = `./${'n'.repeat(99)}/${'m'.repeat(200)}`;
    const { listed } = await readTree(
      await tarOf(
        { name: './', type: 'directory', mode: 0o1777, uid: 1, gid: 50 },
        { name: './setuid', mode: 0o4755, gid: 42 },
        { name: './link', type: 'symlink', linkname: '/t'.repeat(49), mode: 0o777 },
      ),
    );
    expect(listed).to.deep.equal(['d1777 1/50 ./', `l777 0/0 ./link -> ${'/t'.repeat(49)}`, '-4755 0/42 ./setuid']);
    const deb = await makeDeb({ files: { [`${long}/file`]: 'x' } });
    expect((await readDeb(deb)).listed.at(-1)).to.equal(`-644 0/0 ${long}/file`);
  });

  it('keeps owners beyond what fits into octal digits', async () => {
    const dir = await temporaryDirectory();
    await writeFile(path.join(dir, 'x'), '');
    const owner = ['--owner=somebody:4000000', '--group=some:65534'];
    const argv = ['--format=gnu', '--mode=644', ...owner, '-C', dir, '-cf', '-', './x'];
    const { stdout } = await execa('tar', argv, { encoding: 'buffer' });
    expect((await readTree(Buffer.from(stdout))).listed.at(-1)).to.equal('-644 4000000/65534 ./x');
  });

  it('keeps a mode of 0', async () => {
    const tar = await tarOf({ name: './secret', mode: 0o640 });
    tar.write('0000000', 100);
    resum(tar);
    expect((await readTree(tar)).listed.at(-1)).to.equal('-0 0/0 ./secret');
  });

  it('has the tree that dpkg-deb extracts: names, modes, links, content', async () => {
    const deb = await makeDeb({ fill: oddTree, compression: 'gzip' });
    const { tree, sink, listed } = await readDeb(deb);
    const root = await temporaryDirectory();
    await execa('dpkg-deb', ['-x', deb.file, root]);
    const expected = await contentsOf(root);
    expect(listed.length - 1).to.equal(Object.keys(expected).length);
    for (const [name, text] of Object.entries(expected)) {
      if (text.startsWith('directory')) expect(listed).to.include(`d${text.slice(10)} 0/0 ./${name}/`);
      else expect(described(sink.at(tree.root, name))).to.equal(text);
    }
    const files = tree.paths.map((name) => Buffer.from(name, 'latin1').toString());
    expect(files).to.include.members(['/opt/ärger/名前', `/opt/${'long/'.repeat(60)}end`, '/opt/with space/tab\tname']);
  });

  it('has the MD5 of each file, hard links included, when asked', async () => {
    const deb = await makeDeb({
      files: { 'usr/a/1': 'one\n' },
      fill: (root) => link(`${root}/usr/a/1`, `${root}/usr/a/2`),
    });
    const { tree } = await readDeb(deb);
    const md5 = createHash('md5').update('one\n').digest('hex');
    expect([...tree.digests].sort()).to.deep.equal([
      ['usr/a/1', md5],
      ['usr/a/2', md5],
    ]);
  });
});

async function oddTree(root: string): Promise<void> {
  const at = (name: string) => path.join(root, 'opt', name);
  await mkdir(at('with space'), { recursive: true });
  await mkdir(at('ärger'));
  await mkdir(at('long/'.repeat(60)), { recursive: true });
  await writeFile(at(`${'long/'.repeat(60)}end`), 'deep');
  await writeFile(at('with space/tab\tname'), 'tab');
  await writeFile(at('ärger/名前'), 'utf-8');
  await writeFile(at('x'.repeat(255)), 'long name');
  await writeFile(at('empty'), '');
  await writeFile(at('block'), Buffer.alloc(512, 'b'));
  await writeFile(at('large'), Buffer.alloc(300_001, 'l'));
  await link(at('large'), at('hard'));
  await link(at('x'.repeat(255)), at('y'.repeat(255)));
  await symlink('/nowhere/'.repeat(20), at('far'));
  await symlink('ärger/名前', at('near'));
  await chmod(at('block'), 0o4755);
  await chmod(at('empty'), 0o2750);
  await chmod(at('ärger'), 0o1777);
}

/** What can be seen of a tree, by path: as `described`, or a directory's mode. */
async function contentsOf(root: string): Promise<Record<string, string>> {
  const names = await readdir(root, { recursive: true });
  const entries = names.map(async (name) => {
    const file = path.join(root, name);
    const target = await readlink(file).catch(() => null);
    if (target !== null) return [name, `-> ${target}`];
    const { mode } = await stat(file);
    const permissions = (mode & 0o7777).toString(8);
    if ((mode & 0o170000) === 0o040000) return [name, `directory ${permissions}`];
    return [name, `${permissions} ${sha256(await readFile(file))}`];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

function described({ attributes, content, target }: ReturnType<MemorySink['at']>): string {
  if (target !== null) return `-> ${Buffer.from(target, 'latin1')}`;
  return `${attributes.mode.toString(8)} ${sha256(content)}`;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
