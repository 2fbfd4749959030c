import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import { type TarMember, TarReader } from '../../src/deb/tar-reader.ts';
import { collect, temporaryDirectory } from './debs.ts';
import { resum } from './tars.ts';

interface Read extends TarMember {
  /** Null for a piece of a hole. */
  pieces: { length: number; content: string | null }[];
}

/** What a reader tells of a tar that comes in chunks of so many bytes. */
function read(tar: Buffer, chunkLength = 65_536): Read[] {
  const members: Read[] = [];
  const piece = (length: number, content: string | null) => members.at(-1)?.pieces.push({ length, content });
  const reader = new TarReader({
    begin: (member) => members.push({ ...member, pieces: [] }),
    content: (bytes) => piece(bytes.length, bytes.toString('latin1')),
    hole: (length) => piece(length, null),
    end: () => {},
  });
  for (let at = 0; at < tar.length; at += chunkLength) reader.push(tar.subarray(at, at + chunkLength));
  reader.finish();
  return members;
}

const contentOf = ({ pieces }: Read) => pieces.map(({ length, content }) => content ?? '\0'.repeat(length)).join('');

/** A tar of one member with these PAX records. */
function withRecords(pax: Record<string, string> | undefined, name = './file'): Promise<Buffer> {
  const tar = pack();
  tar.entry(pax === undefined ? { name } : { name, pax }, 'content');
  tar.finalize();
  return collect(tar as unknown as AsyncIterable<Buffer>);
}

const xattrsOf = async (pax: Record<string, string>) =>
  read(await withRecords(pax)).flatMap(({ xattrs }) =>
    xattrs.map(({ name, value }) => `${name}=${value.toString('latin1')}`),
  );

describe('TarReader', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await temporaryDirectory();
  });

  async function tar(...options: string[]): Promise<Buffer> {
    const argv = [...options, '--sort=name', '-C', dir, '-cf', '-', '.'];
    return Buffer.from((await execa('tar', argv, { encoding: 'buffer' })).stdout);
  }

  for (const how of ['gnu', 'posix 0.0', 'posix 0.1', 'posix 1.0']) {
    it(`finds the pieces and holes of a sparse file that GNU tar stored as ${how}`, async () => {
      const file = await open(path.join(dir, 'sparse'), 'w');
      for (let piece = 1; piece <= 30; piece += 1) await file.write(`piece ${piece}`, piece * 65_536);
      await file.truncate(2_500_001);
      await file.close();
      await writeFile(path.join(dir, 'zzz'), 'the next member');
      const expected = Buffer.alloc(2_500_001);
      for (let piece = 1; piece <= 30; piece += 1) expected.write(`piece ${piece}`, piece * 65_536);
      const [format, version] = how.split(' ');
      const versioned = version === undefined ? [] : [`--sparse-version=${version}`];
      const stored = await tar('--sparse', `--format=${format}`, ...versioned);
      expect(stored.length).to.be.below(1_000_000);
      for (const length of [97, 65_536, stored.length]) {
        const [, sparse, next] = read(stored, length);
        expect(sparse).to.include({ name: './sparse', type: 'file', size: 2_500_001 });
        expect(contentOf(sparse as Read) === expected.toString('latin1'), `in chunks of ${length}`).to.equal(true);
        expect(sparse?.pieces.some(({ content }) => content === null)).to.equal(true);
        expect(contentOf(next as Read)).to.equal('the next member');
      }
    });
  }

  for (const format of ['gnu', 'posix', 'oldgnu', 'ustar']) {
    it(`reads names and link targets of every length as GNU tar stores them: ${format}`, async () => {
      // ustar has room for a name of 100 bytes and a prefix of 155.
      const deep = format === 'ustar' ? [99, 100] : [99, 100, 101, 254, 255];
      for (const length of deep) {
        const parent = path.join(dir, 'p'.repeat(90));
        await mkdir(parent, { recursive: true });
        await writeFile(path.join(parent, `${'n'.repeat(length - 2)}\\e`), '');
        await execa('ln', ['-s', '/t'.repeat(length >> 1), path.join(dir, `to${length}`)]);
      }
      const members = read(await tar(`--format=${format}`), 100);
      for (const length of deep) {
        const name = `./${'p'.repeat(90)}/${'n'.repeat(length - 2)}\\e`;
        expect(members.map((member) => member.name)).to.include(name);
        const link = members.find((member) => member.name === `./to${length}`);
        expect(link).to.include({ type: 'symlink', linkname: '/t'.repeat(length >> 1) });
      }
    });
  }

  it('reads the extended attributes of star and GNU tar, of libarchive, and of SELinux', async () => {
    expect(await xattrsOf({ 'SCHILY.xattr.user.a': 'one', 'SCHILY.xattr.user.b%3Dc%25': 'two' })).to.deep.equal([
      'user.a=one',
      'user.b=c%=two',
    ]);
    const base64 = Buffer.from('\0value').toString('base64');
    expect(await xattrsOf({ 'LIBARCHIVE.xattr.user.%C3%A4': base64 })).to.deep.equal(['user.Ã¤=\0value']);
    expect(await xattrsOf({ 'RHT.security.selinux': 'u:r' })).to.deep.equal(['security.selinux=u:r\0']);
  });

  it('refuses an ACL, which cannot be kept, and names the member', async () => {
    const acl = await withRecords({ 'SCHILY.acl.access': 'user::rwx' });
    expect(() => read(acl)).to.throw('"./file": it has an ACL (SCHILY.acl.access), which cannot be kept');
  });

  it('reads sizes beyond 8 GiB, in PAX records as in base 256', async () => {
    const size = 9 * 2 ** 30;
    const begun: number[] = [];
    const inPax = await withRecords({ size: String(size) });
    const inBase256 = (await withRecords(undefined)).subarray(0, 512);
    inBase256.fill(0, 124, 136);
    inBase256[124] = 0x80;
    inBase256.writeBigUInt64BE(BigInt(size), 128);
    resum(inBase256);
    for (const tar of [inPax.subarray(0, 1536), inBase256]) {
      const visitor = { content: () => {}, hole: () => {}, end: () => {} };
      const reader = new TarReader({ ...visitor, begin: (member) => begun.push(member.size) });
      reader.push(tar);
      expect(() => reader.finish()).to.throw('breaks off within a member');
    }
    expect(begun).to.deep.equal([size, size]);
  });

  it('takes no more than a mebibyte of what describes a member, in one header or many', async () => {
    const large = await withRecords({ comment: 'x'.repeat(2 ** 20) });
    expect(() => read(large)).to.throw('extension header');
    const part = (await withRecords({ comment: 'x'.repeat(500_000) })).subarray(0, 512 + 500_224);
    expect(() => read(Buffer.concat([part, part, part]))).to.throw('extension header');
  });

  it('takes no sparse map without end', async () => {
    const map = Buffer.from(`90000\n${'1\n0\n'.repeat(1_500_000)}`);
    const tar = pack();
    tar.entry({ name: './x', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9' } }, map);
    tar.finalize();
    const endless = await collect(tar as unknown as AsyncIterable<Buffer>);
    expect(() => read(endless)).to.throw('"./x": it has a sparse file');
    const tooMany = pack();
    tooMany.entry({ name: './x', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9' } }, '200000\n1\n');
    tooMany.finalize();
    const counted = await collect(tooMany as unknown as AsyncIterable<Buffer>);
    expect(() => read(counted)).to.throw('"./x": it has a sparse file of too many pieces');
  });
});
