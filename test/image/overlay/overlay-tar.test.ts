import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { type Header, pack } from 'tar-stream';
import { readFiles } from '../../../src/image/overlay/overlay.ts';
import { entriesDigest } from '../../../src/image/overlay/overlay-entry.ts';
import { refusal } from '../../refusal.ts';

describe('an overlay tar', () => {
  let dir: string;
  const at = (name: string) => path.join(dir, name);
  const read = (name: string) => readFiles({ path: at(name), manifest: null });

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-tar-'));
    await mkdir(at('tree/opt/panel'), { recursive: true });
    await writeFile(at('tree/opt/panel/app'), 'app\n', { mode: 0o755 });
    await writeFile(at('tree/opt/panel/größe'), 'x'.repeat(70_000));
    await symlink('app', at('tree/opt/panel/link'));
    await execa('ln', [at('tree/opt/panel/app'), at('tree/opt/panel/same')]);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const tar = (name: string, ...flags: string[]) =>
    execa('tar', [
      '--create',
      '--file',
      at(name),
      '--directory',
      at('tree'),
      '--owner=:33',
      '--group=:44',
      ...flags,
      '.',
    ]);

  /** A tar of one member as no tar program would make it. */
  async function hostile(...headers: (Partial<Header> & { name: string })[]): Promise<string> {
    const archive = pack();
    for (const header of headers) archive.entry(header as Header, header.type === undefined ? 'x' : '');
    archive.finalize();
    await pipeline(archive, createWriteStream(at('hostile.tar')));
    return 'hostile.tar';
  }

  const described = (entries: Awaited<ReturnType<typeof read>>['entries']) =>
    entries.map(({ name, kind, mode, uid, gid }) => `${kind} ${name} ${mode.toString(8)} ${uid}:${gid}`);

  it('keeps owners, modes, links and names', async () => {
    await tar('a.tar');
    expect(described((await read('a.tar')).entries)).to.deep.equal([
      'directory opt 755 33:44',
      'directory opt/panel 755 33:44',
      'file opt/panel/app 755 33:44',
      'file opt/panel/größe 644 33:44',
      'symlink opt/panel/link 777 33:44',
      'link opt/panel/same 755 33:44',
    ]);
  });

  it('is the same in every compression and format', async () => {
    await tar('a.tar');
    await tar('a.tar.gz', '--gzip', '--sort=name');
    await tar('a.tar.xz', '--xz', '--sort=name');
    await tar('a.tar.zst', '--zstd', '--sort=name', '--format=pax', '--mtime=@5');
    const digests = new Set<string>();
    for (const name of ['a.tar.gz', 'a.tar.xz', 'a.tar.zst']) digests.add(entriesDigest((await read(name)).entries));
    expect(digests.size).to.equal(1);
  });

  it('gives the bytes of its files once more, of members with one name the last', async () => {
    await tar('a.tar');
    await writeFile(at('tree/opt/panel/app'), 'newer\n');
    await execa('tar', ['--append', '--file', at('a.tar'), '--directory', at('tree'), './opt/panel/app']);
    const files = await read('a.tar');
    const contents: Record<string, string> = {};
    for await (const { name, body } of files.contents()) contents[name] = (await buffer(body)).toString();
    expect(contents['opt/panel/app']).to.equal('newer\n');
    expect(contents['opt/panel/größe']).to.have.length(70_000);
    expect(Object.keys(contents)).to.have.length(2);
  });

  it('is refused with file and entry when a path leads out of the image', async () => {
    for (const [name, why] of [
      ['../etc/passwd', 'leads out'],
      ['opt/../../etc/passwd', 'leads out'],
      ['/etc/passwd', 'absolute path'],
    ] as const) {
      const error = await refusal(read(await hostile({ name })), 'E_OVERLAY');
      expect(error.message).to.contain('hostile.tar').and.to.contain(JSON.stringify(name)).and.to.contain(why);
    }
  });

  it('is refused when it writes through a link of its own', async () => {
    const name = await hostile({ name: 'etc/out', type: 'symlink', linkname: '/root' }, { name: 'etc/out/.profile' });
    const error = await refusal(read(name), 'E_OVERLAY');
    expect(error.message).to.contain('"etc/out/.profile" lies below etc/out, which is a symlink');
  });

  it('is refused when a hard link leads out or to nothing', async () => {
    const out = await hostile({ name: 'etc/p', type: 'link', linkname: '../../etc/passwd' });
    expect((await refusal(read(out), 'E_OVERLAY')).message).to.contain('leads out');
    const nothing = await hostile({ name: 'etc/p', type: 'link', linkname: 'etc/passwd' });
    expect((await refusal(read(nothing), 'E_OVERLAY')).message).to.contain('hard link to etc/passwd');
  });

  it('is refused when it holds what no image can', async () => {
    const name = await hostile({ name: 'dev/sda', type: 'block-device' });
    expect((await refusal(read(name), 'E_OVERLAY')).message).to.contain('"dev/sda" is a block-device');
    await execa('truncate', ['--size=2M', at('tree/hole')]);
    for (const format of ['gnu', 'pax']) {
      await tar(`${format}.tar`, '--sparse', `--format=${format}`);
      await refusal(read(`${format}.tar`), 'E_OVERLAY');
    }
  });

  it('is refused when it is cut or damaged', async () => {
    await tar('a.tar');
    await truncate(at('a.tar'), 40_000);
    expect((await refusal(read('a.tar'), 'E_OVERLAY')).message).to.contain('cannot read the overlay');
    await tar('a.tar.gz', '--gzip');
    await writeFile(at('a.tar.gz'), (await readFile(at('a.tar.gz'))).fill(7, 40, 80));
    await refusal(read('a.tar.gz'), 'E_OVERLAY');
  });

  it('is told from other files by its name', async () => {
    await writeFile(at('a.zip'), 'PK');
    expect((await refusal(read('a.zip'), 'E_OVERLAY')).message).to.contain('neither a directory nor a .tar');
  });
});
