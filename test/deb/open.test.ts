import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { decompress } from '../../src/deb/decompress.ts';
import { openDeb } from '../../src/deb/open.ts';
import { unzstd } from '../../src/deb/unzstd.ts';
import { collect, entryFor, errorOf, inChunks, type MadeDeb, makeDeb, temporaryDirectory } from './debs.ts';

/** Enough of what compresses and what does not to need several blocks of every format. */
const files = {
  'usr/share/text': 'the same line again and again\n'.repeat(20_000),
  'usr/share/noise': randomBytes(300_000),
};

async function read(bytes: Buffer, chunkLength?: number): Promise<{ data: Buffer; control: string[] }> {
  const opened = await openDeb(inChunks(bytes, chunkLength), entryFor(bytes));
  const data = await collect(opened.data);
  await opened.finish();
  return { data, control: opened.control.map(({ name, mode }) => `${name} ${mode.toString(8)}`) };
}

/** An archive of members as they are given. */
async function archive(members: Record<string, Buffer | string>): Promise<Buffer> {
  const parts = Object.entries(members).map(([name, body]) => {
    const head = `${name.padEnd(16)}${'0           0     0     100644  '}${String(body.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.alloc(body.length % 2, '\n')]);
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

describe('openDeb', () => {
  let sample: MadeDeb;
  let controlTar: Buffer;
  let dataTar: Buffer;

  before(async () => {
    sample = await makeDeb({ files: { 'usr/x': 'x' }, control: { postinst: '#!/bin/sh\n', conffiles: '' } });
    controlTar = await tarOf(sample, '--ctrl-tarfile');
    dataTar = await tarOf(sample, '--fsys-tarfile');
  });

  for (const compression of ['xz', 'gzip', 'zstd', 'none'] as const) {
    it(`reads the data that dpkg-deb compressed with ${compression}`, async () => {
      const deb = await makeDeb({ files, compression });
      const expected = digest(await tarOf(deb, '--fsys-tarfile'));
      expect(digest((await read(deb.bytes, 65_536)).data)).to.equal(expected);
      expect(digest((await read(deb.bytes, 97)).data), 'in small chunks').to.equal(expected);
    });

    it(`reports data compressed with ${compression} that breaks off`, async () => {
      const deb = await makeDeb({ files, compression });
      const cut = deb.bytes.subarray(0, deb.bytes.length - 5000);
      const error = await errorOf(read(cut, 65_536));
      expect(error.code).to.equal('E_DEB_FORMAT');
      expect(error.message).to.contain('sample 1.0 armhf');
    });
  }

  for (const compression of ['xz', 'gzip'] as const) {
    it(`reports data compressed with ${compression} that is damaged`, async () => {
      const deb = await makeDeb({ files, compression });
      const damaged = Buffer.from(deb.bytes);
      damaged.fill(0x55, damaged.length - 100_000, damaged.length - 99_000);
      expect((await errorOf(read(damaged, 65_536))).code).to.equal('E_DEB_FORMAT');
    });
  }

  it('decodes zstd in JavaScript, where Node has no decoder of its own', async () => {
    const plain = path.join(await temporaryDirectory(), 'plain');
    const deb = await makeDeb({ files, compression: 'zstd' });
    await execa('dpkg-deb', ['--fsys-tarfile', deb.file], { stdout: { file: plain } });
    const at = deb.bytes.indexOf('data.tar.zst') + 60;
    const size = Number(deb.bytes.toString('latin1', at - 12, at - 2));
    const decoded = await collect(unzstd(inChunks(deb.bytes.subarray(at, at + size), 3333)));
    expect(digest(decoded)).to.equal(digest(await readFile(plain)));
  });

  it('refuses a zstd frame that asks for a window of a gigabyte', async () => {
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 1, 0, 0, ...Array(20).fill(0)]);
    expect((await errorOf(collect(unzstd(inChunks(frame))))).message).to.contain('window');
  });

  it('names a compression that it does not know', async () => {
    const bytes = await archive({ 'debian-binary': '2.0\n', 'control.tar': controlTar, 'data.tar.lzma': 'x' });
    expect((await errorOf(read(bytes))).message).to.contain('the compression of data.tar.lzma is not known');
    expect(decompress('data.tar.Z', inChunks(bytes))).to.equal(null);
  });

  it('keeps the modes of control files', async () => {
    expect((await read(sample.bytes)).control).to.have.members(['control 644', 'postinst 755', 'conffiles 644']);
  });

  it('passes over members whose names begin with an underscore, as deb(5) asks for', async () => {
    const bytes = await archive({
      'debian-binary': '2.0\n',
      _signature: 'odd',
      'control.tar': controlTar,
      'data.tar': dataTar,
      _gpgorigin: 'even',
    });
    expect(digest((await read(bytes)).data)).to.equal(digest(dataTar));
  });

  const wrong: [what: string, members: () => Record<string, Buffer | string>, says: string][] = [
    ['of another version', () => ({ 'debian-binary': '3.0\n' }), 'its format is "3.0", not 2.0'],
    ['without control.tar', () => ({ 'debian-binary': '2.0\n' }), 'it ends before control.tar'],
    ['without data.tar', () => ({ 'debian-binary': '2.0\n', 'control.tar': controlTar }), 'it ends before data.tar'],
    [
      'with its members in another order',
      () => ({ 'debian-binary': '2.0\n', 'data.tar': dataTar }),
      '"data.tar" where control.tar',
    ],
    [
      'whose control.tar is junk',
      () => ({ 'debian-binary': '2.0\n', 'control.tar': Buffer.alloc(512, 'j') }),
      'tar header',
    ],
  ];
  for (const [what, members, says] of wrong) {
    it(`refuses a deb ${what}`, async () => {
      const error = await errorOf(archive(members()).then((bytes) => read(bytes)));
      expect(error.code).to.equal('E_DEB_FORMAT');
      expect(error.message).to.contain(says);
    });
  }

  it('keeps an error of its source as the cause', async () => {
    const cut = new Error('the line broke');
    async function* source() {
      yield sample.bytes.subarray(0, 200);
      throw cut;
    }
    const error = await errorOf(openDeb(source(), sample));
    expect(error.cause).to.equal(cut);
  });
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function tarOf(deb: MadeDeb, what: '--ctrl-tarfile' | '--fsys-tarfile'): Promise<Buffer> {
  const { stdout } = await execa('dpkg-deb', [what, deb.file], { encoding: 'buffer' });
  return Buffer.from(stdout);
}
