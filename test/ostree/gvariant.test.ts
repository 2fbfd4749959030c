import { expect } from 'chai';
import { decodeByteArrays, decodeDictionary, encodeByteArrays, encodeDictionary } from '../../src/ostree/gvariant.ts';

/** As `ostree gpg-sign` wrote it, with the signature's bytes replaced: 16 bytes of key and padding, the array, type, offsets. */
const one = Buffer.concat([
  Buffer.from('ostree.gpgsigs\0\0'),
  Buffer.alloc(119, 0x88),
  Buffer.from([119, 0]),
  Buffer.from('aay'),
  Buffer.from([0x0f, 0x8d]),
]);

describe('GVariants of detached metadata', () => {
  it('are read and written as ostree does', () => {
    const read = decodeDictionary(one);
    expect([...read.keys()]).to.deep.equal(['ostree.gpgsigs']);
    expect(read.get('ostree.gpgsigs')?.type).to.equal('aay');
    expect(decodeByteArrays(read.get('ostree.gpgsigs')!.data)).to.deep.equal([Buffer.alloc(119, 0x88)]);
    expect(encodeDictionary(read)).to.deep.equal(one);
  });

  for (const size of [0, 1, 100, 236, 237, 250, 253, 254, 255, 256, 60_000, 65_534, 65_535, 70_000]) {
    it(`come back as they were with arrays of ${size} bytes`, () => {
      const arrays = [Buffer.alloc(size, 1), Buffer.alloc(3, 2), Buffer.alloc(size, 3)];
      const entries = new Map([
        ['a', { type: 's', data: Buffer.from('text\0') }],
        ['ostree.gpgsigs', { type: 'aay', data: encodeByteArrays(arrays) }],
        ['z', { type: 'u', data: Buffer.alloc(4, 9) }],
      ]);
      const back = decodeDictionary(encodeDictionary(entries));
      expect(back).to.deep.equal(entries);
      expect(decodeByteArrays(back.get('ostree.gpgsigs')!.data)).to.deep.equal(arrays);
    });
  }

  it('are refused when they are damaged', () => {
    for (const broken of [one.subarray(0, 100), Buffer.from('junk\xff'), Buffer.from([0, 0, 200])]) {
      expect(() => decodeDictionary(broken), broken.toString('hex')).to.throw(RangeError);
    }
  });
});
