import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { storedXz, storedXzLength } from '../../src/ostree/stored-xz.ts';

/** In pieces that do not fit the chunks. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function stored(bytes: Buffer, pieceSize = 100_000): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of storedXz(inPieces(bytes, pieceSize), bytes.length)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

describe('an xz file of stored bytes', () => {
  for (const size of [0, 1, 2, 3, 4, 65_532, 65_533, 65_534, 65_536, 131_066, 131_067, 1_000_003]) {
    it(`is read by xz with ${size} bytes, and has the length that was told`, async () => {
      const bytes = randomBytes(size);
      const xz = await stored(bytes);
      expect(xz.length).to.equal(storedXzLength(size));
      const plain = execFileSync('xz', ['--decompress', '--stdout'], { input: xz, maxBuffer: 1 << 24 });
      expect(plain.equals(bytes)).to.equal(true);
    });
  }

  it('does not depend on the pieces that the bytes come in', async () => {
    const bytes = randomBytes(200_000);
    const [whole, small] = [await stored(bytes, bytes.length), await stored(bytes, 7)];
    expect(small.equals(whole)).to.equal(true);
  });

  it('takes little more than its bytes', () => {
    expect(storedXzLength(1_000_000)).to.be.lessThan(1_000_200);
  });
});
