import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { array, byteArray, text, tuple, uint32 } from '../../src/ostree/gvariant-values.ts';
import { checksumOf, commitOf, dirMeta, dirTree, fileHeader, objectName } from '../../src/ostree/objects.ts';

const root = { uid: 0, gid: 0, mode: 0o755, xattrs: [] };

/** Checksums that `ostree commit` and `ostree ls -dRX` of ostree 2022.7 print for the same. */
describe('the objects of ostree', () => {
  it('have the checksums that ostree gives an empty directory of root', () => {
    expect(checksumOf(dirTree(new Map(), new Map()))).to.equal(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    expect(checksumOf(dirMeta(root))).to.equal('446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488');
  });

  it('begin the header of a file with its length and the padding to 8', () => {
    const header = fileHeader({ ...root, uid: 1, gid: 2, mode: 0o4755 });
    expect(header.toString('hex')).to.equal('00000012000000000000000100000002000089ed000000000011');
    expect(createHash('sha256').update(header).digest('hex')).to.match(/^[0-9a-f]{64}$/);
  });

  it('sort names by their bytes, and xattrs by their names', () => {
    const checksum = 'ab'.repeat(32);
    const names = ['b', 'a', 'Z', 'ä'].map((name) => Buffer.from(name).toString('latin1'));
    const tree = dirTree(new Map(names.map((name) => [name, checksum])), new Map());
    const order = ['Z\0', 'a\0', 'b\0', 'ä\0'].map((name) => tree.indexOf(Buffer.from(name)));
    expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    const [first, second] = ['user.b', 'user.a'].map((name) => ({ name, value: Buffer.from(name) }));
    if (first === undefined || second === undefined) throw new Error('two xattrs are needed');
    const meta = dirMeta({ ...root, xattrs: [first, second] });
    expect(meta.equals(dirMeta({ ...root, xattrs: [second, first] }))).to.equal(true);
  });

  it('have a commit that depends on its subject and tree alone', () => {
    const tree = { tree: '11'.repeat(32), meta: '22'.repeat(32) };
    expect(commitOf('x', tree).equals(commitOf('x', tree))).to.equal(true);
    expect(commitOf('y', tree).equals(commitOf('x', tree))).to.equal(false);
  });

  it('lie under the first byte of their checksum', () => {
    expect(objectName('ab'.repeat(32), 'dirtree')).to.equal(`ab/${'ab'.repeat(31)}.dirtree`);
  });
});

/** The examples of the GVariant specification, section 2.7, as far as they are of the types that ostree uses. */
describe('GVariant serialisation', () => {
  it('puts the end of what has no fixed length behind a tuple, but not the last member’s', () => {
    expect(tuple([text('foo'), text('bar')]).bytes.toString('latin1')).to.equal('foo\0bar\0\x04');
    expect(tuple([uint32(1), text('a')]).bytes.toString('hex')).to.equal('000000016100');
  });

  it('puts the end of every element behind an array', () => {
    const strings = ['i', 'can', 'has', 'strings?'].map(text);
    expect(array(strings).bytes.toString('latin1')).to.equal('i\0can\0has\0strings?\0\x02\x06\x0a\x13');
    expect(array([]).bytes).to.have.length(0);
  });

  it('widens the ends when one byte does not hold them', () => {
    expect(array([byteArray(Buffer.alloc(254))]).bytes).to.have.length(255);
    const wide = array([byteArray(Buffer.alloc(255))]).bytes;
    expect(wide).to.have.length(257);
    expect(wide.readUInt16LE(255)).to.equal(255);
  });
});
