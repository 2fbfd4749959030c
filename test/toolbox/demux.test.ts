import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { Demux } from '../../src/toolbox/docker/demux.ts';

/** One piece as the engine sends it. */
function piece(stream: 1 | 2, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

describe('taking apart what the Docker engine sends', () => {
  it('parts stdout from stderr', async () => {
    const stderr: Buffer[] = [];
    const demux = new Demux((chunk) => stderr.push(chunk));
    demux.end(Buffer.concat([piece(1, 'out'), piece(2, 'err'), piece(1, ''), piece(1, 'put\n'), piece(2, 'or\n')]));
    expect(await text(demux)).to.equal('output\n');
    expect(Buffer.concat(stderr).toString()).to.equal('error\n');
  });

  it('does not care where the chunks are cut', async () => {
    const stderr: Buffer[] = [];
    const demux = new Demux((chunk) => stderr.push(chunk));
    const whole = Buffer.concat([piece(1, 'first'), piece(2, 'second'), piece(1, 'third')]);
    for (const byte of whole) demux.write(Buffer.from([byte]));
    demux.end();
    expect(await text(demux)).to.equal('firstthird');
    expect(Buffer.concat(stderr).toString()).to.equal('second');
  });

  it('takes no more from the engine than the reader of stdout reads', async () => {
    const demux = new Demux(() => {});
    const large = piece(1, Buffer.alloc(64 * 1024));
    let taken = 0;
    for (let i = 0; i < 100; i++) demux.write(large, () => taken++);
    await turn();
    expect(taken).to.be.lessThan(3);
    demux.end();
    expect((await text(demux)).length).to.equal(100 * 64 * 1024);
    expect(taken).to.equal(100);
  });

  it('passes stderr on even when nobody reads stdout', async () => {
    let stderr = 0;
    const demux = new Demux((chunk) => {
      stderr += chunk.length;
    });
    for (let i = 0; i < 100; i++) demux.write(piece(2, Buffer.alloc(64 * 1024)));
    await turn();
    expect(stderr).to.equal(100 * 64 * 1024);
  });

  it('does not take a cut for the end', async () => {
    const demux = new Demux(() => {});
    demux.end(piece(1, 'whole').subarray(0, 10));
    const error = await text(demux).catch((thrown: Error) => thrown);
    expect(error).to.be.instanceOf(Error);
  });
});
