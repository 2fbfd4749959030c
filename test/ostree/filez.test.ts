import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { bareHeader, type ContentObject, filezHeader, splitFilez } from '../../src/ostree/filez.ts';

describe('an object of an archive repository', () => {
  const attributes = { uid: 0, gid: 12, mode: 0o644, xattrs: [{ name: 'user.a', value: Buffer.from('1') }] };
  const file: ContentObject = { kind: 'file', attributes, size: 5, target: '' };
  const link: ContentObject = { kind: 'symlink', attributes: { ...attributes, xattrs: [] }, size: 0, target: '../x' };

  it('begins with the length of its header, and the size of the content', () => {
    const header = filezHeader(file);
    expect(header.readUInt32BE(0)).to.equal(header.length - 8);
    expect(header.readBigUInt64BE(8)).to.equal(5n);
    expect(header.readUInt32BE(24)).to.equal(0o100644);
  });

  for (const [what, object] of [
    ['a file', file],
    ['a link', link],
  ] as const) {
    it(`holds the header that the checksum of ${what} covers`, () => {
      const content = Buffer.from(what === 'a file' ? 'hello' : '');
      const packed = what === 'a file' ? deflateRawSync(content) : content;
      const split = splitFilez(Buffer.concat([filezHeader(object), packed]));
      const digest = (header: Buffer) => createHash('sha256').update(header).update(content).digest('hex');
      expect(digest(split.header)).to.equal(digest(bareHeader(object)));
      expect(split.packed.equals(packed)).to.equal(true);
    });
  }

  it('is told from one that was cut off', () => {
    expect(() => splitFilez(filezHeader(file).subarray(0, 20))).to.throw(RangeError);
  });
});
