import { link, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import { dataRef } from '../../src/image/import/import-deb.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { collect, debOfTar, errorOf, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { importWhole } from './import-whole.ts';
import { temporaryDirectory } from './projects.ts';
import { kinds, openFor } from './toolboxes.ts';

/** cap_net_raw, effective and permitted, as setcap(8) writes it. */
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

describe('the import of unusual files', function () {
  this.timeout(5 * 60_000);
  let root: string;
  let repo: string;
  let source: string;
  let toolbox: Toolbox;

  beforeEach(async () => {
    root = await temporaryDirectory('formats');
    repo = path.join(root, '.lockstep/repo');
    source = path.join(root, 'source');
    await mkdir(source);
    toolbox = await openFor(root, 'host');
    await ensureRepo(toolbox, repo, 'bare');
  });

  afterEach(() => toolbox.close());

  async function tar(...options: string[]): Promise<Buffer> {
    const { stdout } = await execa('tar', [...options, '-C', source, '-cf', '-', '.'], { encoding: 'buffer' });
    return Buffer.from(stdout);
  }

  /** Imports a deb; returns where its files are checked out. */
  async function imported(deb: MadeDeb, by = toolbox): Promise<string> {
    const candidates = () => [deb.file];
    const { signal } = new AbortController();
    await importWhole({ toolbox: by, repo, packages: [deb], candidates, proxy: () => null, progress: silent, signal });
    const target = path.join(root, 'out', deb.sha256, String(Math.random()));
    await mkdir(path.dirname(target), { recursive: true });
    await execa('ostree', [`--repo=${repo}`, 'checkout', '--require-hardlinks', dataRef(deb), target]);
    return target;
  }

  for (const kind of kinds) {
    it(`keeps extended attributes and file capabilities, by the ${kind} toolbox`, async () => {
      await writeFile(path.join(source, 'ping'), 'ping', { mode: 0o4755 });
      await mkdir(path.join(source, 'dir'));
      await setXattr(path.join(source, 'ping'), 'security.capability', capability);
      await setXattr(path.join(source, 'ping'), 'user.with\nodd=n%me', Buffer.from('\0odd\nvalue\xff', 'latin1'));
      await setXattr(path.join(source, 'dir'), 'user.dir', Buffer.from('of a directory'));
      const deb = await debOfTar(
        await tar('--xattrs', '--xattrs-include=*', '--format=posix', '--owner=7', '--group=8'),
      );
      const by = await openFor(root, kind);
      const out = await imported(deb, by).finally(() => by.close());
      expect(await xattrsOf(path.join(out, 'ping'))).to.deep.equal({
        'security.capability': capability.toString('hex'),
        'user.with\nodd=n%me': Buffer.from('\0odd\nvalue\xff', 'latin1').toString('hex'),
      });
      expect(await xattrsOf(path.join(out, 'dir'))).to.deep.equal({
        'user.dir': Buffer.from('of a directory').toString('hex'),
      });
      const { mode, uid, gid } = await stat(path.join(out, 'ping'));
      expect([mode & 0o7777, uid, gid]).to.deep.equal([0o4755, 7, 8]);
      await execa('ostree', ['fsck', `--repo=${repo}`]);
    });
  }

  it('keeps large files with their holes: more than 4 GB that take no disk', async () => {
    const file = path.join(source, 'disk.img');
    const size = 2 ** 32 + 200_000_001;
    const handle = await open(file, 'w');
    await handle.truncate(size);
    await handle.write('start', 0);
    await handle.write('middle', 2 ** 32 + 4096);
    await handle.close();
    const out = await imported(await debOfTar(await tar('--sparse', '--format=gnu')));
    const { size: length, blocks } = await stat(path.join(out, 'disk.img'));
    expect(length).to.equal(size);
    expect(blocks * 512).to.be.below(2 ** 20);
    const read = await open(path.join(out, 'disk.img'));
    expect((await read.read(Buffer.alloc(6), 0, 6, 2 ** 32 + 4096)).buffer.toString()).to.equal('middle');
    await read.close();
  });

  for (const format of ['gnu', 'posix 0.0', 'posix 0.1', 'posix 1.0']) {
    it(`reads sparse files as GNU tar stores them: ${format}`, async () => {
      const handle = await open(path.join(source, 'sparse'), 'w');
      for (let piece = 1; piece <= 40; piece += 1) await handle.write(`piece ${piece}`, piece * 70_000);
      await handle.truncate(3_000_001);
      await handle.close();
      await writeFile(path.join(source, 'zzz'), 'the next member');
      const [name = '', version] = format.split(' ');
      const how = version === undefined ? [] : [`--sparse-version=${version}`];
      const out = await imported(await debOfTar(await tar('--sparse', `--format=${name}`, ...how)));
      await execa('cmp', [path.join(source, 'sparse'), path.join(out, 'sparse')]);
      expect(await readFile(path.join(out, 'zzz'), 'utf8')).to.equal('the next member');
    });
  }

  it('makes holes of the zeros in a plain tar', async () => {
    const fill = async (at: string) => {
      const handle = await open(path.join(at, 'zeros'), 'w');
      await handle.truncate(30_000_000);
      await handle.write('end', 29_999_997);
      await handle.close();
    };
    const deb = await makeDeb({ name: 'zeros', fill });
    const out = await imported(deb);
    const { size, blocks } = await stat(path.join(out, 'zeros'));
    expect(size).to.equal(30_000_000);
    expect(blocks * 512).to.be.below(1_000_000);
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('keeps names of any bytes that ostree can hold, from every kind of tar', async () => {
    const names = [
      'back\\slash',
      'tab\there',
      ' blank ',
      '"quoted\'',
      'bell\x07',
      '$(true)',
      '*',
      'é',
      '-rf',
      'a'.repeat(255),
    ];
    for (const name of names) await writeFile(path.join(source, name), name);
    await link(path.join(source, 'é'), path.join(source, 'hard\\é'));
    for (const format of ['gnu', 'posix', 'oldgnu']) {
      const out = await imported(await debOfTar(await tar(`--format=${format}`)));
      for (const name of names) expect(await readFile(path.join(out, name), 'utf8')).to.equal(name);
      expect(await readFile(path.join(out, 'hard\\é'), 'utf8')).to.equal('é');
    }
  });

  it('refuses names that are not UTF-8, as ostree does', async () => {
    const name = Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xe4])]);
    await writeFile(name, '');
    const error = await errorOf(imported(await debOfTar(await tar())));
    expect(error.message).to.contain('(2e2fe4) is not UTF-8');
    const commit = ['commit', `--repo=${repo}`, '--branch=other', `--tree=dir=${source}`];
    expect((await errorOf(execa('ostree', commit))).message).to.match(/UTF-8/i);
  });

  it('refuses devices, naming package and path, and leaves no ref', async () => {
    await execa('mknod', [path.join(source, 'null'), 'c', '1', '3']);
    const deb = await debOfTar(await tar());
    const error = await errorOf(imported(deb));
    expect(error.code).to.equal('E_DEB_FORMAT');
    expect(error.message).to.contain('sample 1.0 armhf').and.to.contain('"./null" is a character device');
    expect((await execa('ostree', ['refs', `--repo=${repo}`])).stdout).to.equal('');
  });

  it('says which attribute of which file the file system of the repository cannot keep', async () => {
    const tar = pack();
    tar.entry({ name: './file', pax: { 'SCHILY.xattr.nowhere.kept': 'x' } }, 'x');
    tar.finalize();
    const deb = await debOfTar(await collect(tar as unknown as AsyncIterable<Buffer>));
    const error = await errorOf(imported(deb));
    expect(error.message).to.contain('nowhere.kept of ./file').and.to.contain(repo);
  });
});

async function setXattr(file: string, name: string, value: Buffer): Promise<void> {
  const program = 'import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))';
  await execa('python3', ['-c', program, file, name, value.toString('hex')]);
}

async function xattrsOf(file: string): Promise<Record<string, string>> {
  const program =
    'import os,sys,json; f=sys.argv[1]; print(json.dumps({n: os.getxattr(f, n).hex() for n in os.listxattr(f)}))';
  return JSON.parse((await execa('python3', ['-c', program, file])).stdout) as Record<string, string>;
}
