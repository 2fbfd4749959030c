import { expect } from 'chai';
import { CheckedSource } from '../../src/deb/checked-source.ts';
import { badFormat } from '../../src/deb/package.ts';
import { collect, entryFor, errorOf, inChunks } from './debs.ts';

const bytes = Buffer.from('the bytes of a deb, or what goes for them');
const deb = entryFor(bytes);

async function check(got: Buffer): Promise<void> {
  const source = new CheckedSource(inChunks(got, 7), deb);
  await collect(source.bytes());
  source.check();
}

describe('CheckedSource', () => {
  it('passes the bytes that the lockfile pins', async () => {
    await check(bytes);
  });

  it('names package, expected and actual sha256', async () => {
    const other = Buffer.from(bytes);
    other[3] = 0;
    const error = await errorOf(check(other));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    expect(error.message)
      .to.contain('sample 1.0 armhf')
      .and.to.contain(deb.sha256)
      .and.to.contain(entryFor(other).sha256);
  });

  it('names expected and actual size', async () => {
    const error = await errorOf(check(bytes.subarray(1)));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    expect(error.message).to.contain(`expected ${bytes.length} bytes, got ${bytes.length - 1} bytes`);
  });

  it('stops at the first byte too many, whatever follows', async () => {
    let handedOut = 0;
    async function* endless() {
      for (;;) {
        handedOut += 1;
        yield bytes;
      }
    }
    const source = new CheckedSource(endless(), deb);
    expect((await errorOf(collect(source.bytes()))).code).to.equal('E_DEB_CHECKSUM');
    expect(handedOut).to.equal(2);
  });

  it('blames the checksum, not the deb, when damage on the way made it unreadable', async () => {
    const source = new CheckedSource(inChunks(Buffer.alloc(bytes.length), 7), deb);
    for await (const _chunk of source.bytes()) break;
    expect(await source.judge(badFormat(deb, 'junk'))).to.include({ code: 'E_DEB_CHECKSUM' });
  });

  it('blames the deb when it is the pinned one', async () => {
    const source = new CheckedSource(inChunks(bytes, 7), deb);
    for await (const _chunk of source.bytes()) break;
    const error = badFormat(deb, 'junk');
    expect(await source.judge(error)).to.equal(error);
  });

  it('does not read on for errors that have nothing to do with the content', async () => {
    const source = new CheckedSource(inChunks(bytes, 7), deb);
    const error = new Error('the line broke');
    expect(await source.judge(error)).to.equal(error);
    expect(await collect(source.bytes())).to.deep.equal(bytes);
  });
});
