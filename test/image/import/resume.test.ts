import { expect } from 'chai';
import { errorOf } from '../../deb/debs.ts';
import { type Answer, bytes, cutAfter, mirrorsOfEach, status, whole } from './mirrors.ts';

describe('Fetcher, where a download breaks off', () => {
  const mirrors = mirrorsOfEach();

  it('goes on where a download broke off, more than once', async () => {
    const got = await mirrors.fetchFrom([await mirrors.serve(cutAfter(100_000), cutAfter(50_000), whole)]);
    expect(got.equals(bytes)).to.equal(true);
    expect(mirrors.ranges).to.have.length(3);
    expect(mirrors.ranges[0]).to.equal(undefined);
    expect(mirrors.ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).to.equal(true);
  });

  it('throws the start away when the server sends the whole again', async () => {
    const again: Answer = (response) => response.end(bytes);
    expect((await mirrors.fetchFrom([await mirrors.serve(cutAfter(100_000), again)])).equals(bytes)).to.equal(true);
  });

  it('asks for the rest of the same file alone, known by its strong ETag or its date', async () => {
    for (const [headers, expected] of [
      [{ etag: '"one"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, '"one"'],
      [{ 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, 'Mon, 01 Jan 2024 00:00:00 GMT'],
      [{ etag: 'W/"weak"' }, undefined],
      [{}, undefined],
    ] as const) {
      mirrors.conditions = [];
      const cut: Answer = (response) => {
        response.writeHead(200, { 'content-length': bytes.length, ...headers });
        response.write(bytes.subarray(0, 100_000), () => response.socket?.destroy());
      };
      expect((await mirrors.fetchFrom([await mirrors.serve(cut, whole)])).equals(bytes)).to.equal(true);
      expect(mirrors.conditions).to.deep.equal([undefined, expected]);
    }
  });

  it('goes on when a connection ends early that did not say how much would come', async () => {
    const unbounded = await mirrors.serveOnce(`HTTP/1.0 200 OK\r\n\r\n`, bytes.subarray(0, 200_000));
    expect((await mirrors.fetchFrom([unbounded, await mirrors.serve(whole)], {})).equals(bytes)).to.equal(true);
  });

  it('is content with a connection that breaks off when all has come', async () => {
    const late: Answer = (response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write(bytes, () => response.socket?.destroy());
    };
    expect((await mirrors.fetchFrom([await mirrors.serve(late, status(416))])).equals(bytes)).to.equal(true);
    expect(mirrors.ranges).to.have.length(1);
  });

  it('does not go on with a file of another length', async () => {
    const longer: Answer = (response) =>
      response.writeHead(206, { 'content-range': `bytes 100000-${bytes.length}/${bytes.length + 1}` }).end('x');
    const cut: Answer = (response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
    };
    const error = await errorOf(mirrors.fetchFrom([await mirrors.serve(cut, longer)], { retries: 1 }));
    expect(error.message).to.contain('another range');
  });

  it('does not take another range than it asked for', async () => {
    const wrong: Answer = (response) =>
      response.writeHead(206, { 'content-range': `bytes 0-9/${bytes.length}` }).end(bytes.subarray(0, 10));
    const error = await errorOf(mirrors.fetchFrom([await mirrors.serve(cutAfter(100_000), wrong)], { retries: 2 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('another range');
  });

  it('goes on from another address when one breaks off and is gone', async () => {
    const first = await mirrors.serve(cutAfter(100_000), status(503));
    expect((await mirrors.fetchFrom([first, await mirrors.serve(whole)])).equals(bytes)).to.equal(true);
  });
});
