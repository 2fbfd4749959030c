import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect } from 'chai';
import { Fetcher, type FetcherOptions } from '../../../src/image/import/fetch.ts';
import { collect, entryFor, errorOf } from '../../deb/debs.ts';

const bytes = randomBytes(500_000);
const deb = entryFor(bytes);

type Answer = (response: ServerResponse, request: IncomingMessage, nth: number) => void;

/** The bytes asked for, as a server that knows ranges sends them. */
const whole: Answer = (response, request) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...(start > 0 ? range : {}) });
  response.end(bytes.subarray(start));
};

/** Promises all and breaks off after `length` bytes. */
function cutAfter(length: number): Answer {
  return (response, request, nth) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (nth === 0) response.writeHead(200, { 'content-length': bytes.length });
    else response.writeHead(206, { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
    response.write(bytes.subarray(start, start + length), () => response.socket?.destroy());
  };
}

const status =
  (code: number): Answer =>
  (response) =>
    response.writeHead(code).end('no');

describe('Fetcher', () => {
  const servers: Server[] = [];
  const fetchers: Fetcher[] = [];
  let ranges: (string | undefined)[];
  let conditions: (string | undefined)[] = [];

  beforeEach(() => {
    ranges = [];
  });

  afterEach(async () => {
    await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()));
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** A server that gives its answers in turn, the last one for ever. */
  async function serve(...answers: Answer[]): Promise<string> {
    let nth = 0;
    const server = createServer((request, response) => {
      ranges.push(request.headers.range);
      conditions.push(request.headers['if-range'] as string | undefined);
      const answer = answers[Math.min(nth, answers.length - 1)] ?? whole;
      answer(response, request, nth);
      nth += 1;
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A server that sends these bytes once, then hangs up: what comes later finds nobody. */
  async function rawServer(head: string, body: Buffer): Promise<string> {
    const server = createTcpServer((socket) => {
      server.close();
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head), body])));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function fetchFrom(
    bases: string[],
    options: Partial<FetcherOptions> = {},
    how?: { fresh: boolean },
  ): Promise<Buffer> {
    const candidates = (filename: string) => bases.map((base) => `${base}/${filename}`);
    const signal = new AbortController().signal;
    const fetcher = new Fetcher({ candidates, signal, pauseMs: 5, proxy: () => null, ...options });
    fetchers.push(fetcher);
    return collect(fetcher.fetch(deb, how));
  }

  it('yields the bytes that the server has', async () => {
    expect((await fetchFrom([await serve(whole)])).equals(bytes)).to.equal(true);
  });

  it('goes on where a download broke off, more than once', async () => {
    const got = await fetchFrom([await serve(cutAfter(100_000), cutAfter(50_000), whole)]);
    expect(got.equals(bytes)).to.equal(true);
    expect(ranges).to.have.length(3);
    expect(ranges[0]).to.equal(undefined);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).to.equal(true);
  });

  it('throws the start away when the server sends the whole again', async () => {
    const again: Answer = (response) => response.end(bytes);
    expect((await fetchFrom([await serve(cutAfter(100_000), again)])).equals(bytes)).to.equal(true);
  });

  it('asks for the rest of the same file alone, known by its strong ETag or its date', async () => {
    for (const [headers, expected] of [
      [{ etag: '"one"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, '"one"'],
      [{ 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, 'Mon, 01 Jan 2024 00:00:00 GMT'],
      [{ etag: 'W/"weak"' }, undefined],
      [{}, undefined],
    ] as const) {
      conditions = [];
      const cut: Answer = (response) => {
        response.writeHead(200, { 'content-length': bytes.length, ...headers });
        response.write(bytes.subarray(0, 100_000), () => response.socket?.destroy());
      };
      expect((await fetchFrom([await serve(cut, whole)])).equals(bytes)).to.equal(true);
      expect(conditions).to.deep.equal([undefined, expected]);
    }
  });

  it('goes on when a connection ends early that did not say how much would come', async () => {
    const unbounded = await rawServer(`HTTP/1.0 200 OK\r\n\r\n`, bytes.subarray(0, 200_000));
    expect((await fetchFrom([unbounded, await serve(whole)], {})).equals(bytes)).to.equal(true);
  });

  it('is content with a connection that breaks off when all has come', async () => {
    const late: Answer = (response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write(bytes, () => response.socket?.destroy());
    };
    expect((await fetchFrom([await serve(late, status(416))])).equals(bytes)).to.equal(true);
    expect(ranges).to.have.length(1);
  });

  it('asks past all caches when it is to be fresh, and only then', async () => {
    const asked: (string | undefined)[] = [];
    const noting: Answer = (response, request) => {
      asked.push(request.headers['cache-control']);
      response.end(bytes);
    };
    const server = await serve(noting);
    await fetchFrom([server]);
    await fetchFrom([server], {}, { fresh: true });
    expect(asked).to.deep.equal([undefined, 'no-cache']);
  });

  it('does not go on with a file of another length', async () => {
    const longer: Answer = (response) =>
      response.writeHead(206, { 'content-range': `bytes 100000-${bytes.length}/${bytes.length + 1}` }).end('x');
    const cut: Answer = (response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
    };
    const error = await errorOf(fetchFrom([await serve(cut, longer)], { retries: 1 }));
    expect(error.message).to.contain('another range');
  });

  it('does not take another range than it asked for', async () => {
    const wrong: Answer = (response) =>
      response.writeHead(206, { 'content-range': `bytes 0-9/${bytes.length}` }).end(bytes.subarray(0, 10));
    const error = await errorOf(fetchFrom([await serve(cutAfter(100_000), wrong)], { retries: 2 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('another range');
  });

  it('goes on from another address when one breaks off and is gone', async () => {
    const first = await serve(cutAfter(100_000), status(503));
    expect((await fetchFrom([first, await serve(whole)])).equals(bytes)).to.equal(true);
  });

  it('asks the next address when one has not got it', async () => {
    expect((await fetchFrom([await serve(status(404)), await serve(whole)])).equals(bytes)).to.equal(true);
  });

  it('follows redirections, as mirrors make them', async () => {
    const there = await serve(whole);
    const redirect: Answer = (response) => response.writeHead(302, { location: `${there}/elsewhere` }).end();
    expect((await fetchFrom([await serve(redirect)])).equals(bytes)).to.equal(true);
  });

  it('says that a deb is gone when no address has it, without asking again', async () => {
    const error = await errorOf(fetchFrom([await serve(status(404)), await serve(status(410))]));
    expect(error.code).to.equal('E_FETCH_GONE');
    expect(error.message).to.contain('sample 1.0 armhf');
    expect(ranges).to.have.length(2);
  });

  it('names every address that was asked, and what it said', async () => {
    const bases = [await serve(status(404)), await serve(status(503)), 'http://127.0.0.1:1', '/nonexistent/archive'];
    const error = await errorOf(fetchFrom(bases, { retries: 0 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    for (const base of bases) expect(error.message).to.contain(`${base}/${deb.filename}`);
    expect(error.message).to.contain('status 404').and.to.contain('status 503').and.to.contain('ECONNREFUSED');
    const gone = await errorOf(fetchFrom([bases[0]!, '/nonexistent/archive']));
    expect(gone.code).to.equal('E_FETCH_GONE');
    expect(gone.message).to.contain(bases[0]).and.to.contain('/nonexistent/archive');
  });

  it('asks a server last that did not answer the time before', async () => {
    const [down, up] = ['http://127.0.0.1:1', await serve(whole)];
    const asked: string[] = [];
    const proxy = (url: string) => {
      asked.push(new URL(url).origin);
      return null;
    };
    const fetcher = new Fetcher({
      candidates: () => [`${down}/a`, `${up}/a`],
      signal: new AbortController().signal,
      proxy,
    });
    fetchers.push(fetcher);
    await collect(fetcher.fetch(deb));
    expect(asked).to.deep.equal([down, up]);
    await collect(fetcher.fetch(deb));
    expect(asked).to.deep.equal([down, up, up]);
  });

  it('logs in with the user and password of an address', async () => {
    let said: string | undefined;
    const asks: Answer = (response, request) => {
      said = request.headers.authorization;
      response.end(bytes);
    };
    await fetchFrom([(await serve(asks)).replace('//', '//user:p%40ss@')]);
    expect(said).to.equal(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  });

  it('asks again, so many times, while an address answers with errors', async () => {
    const error = await errorOf(fetchFrom([await serve(status(404)), await serve(status(503))], { retries: 3 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('in 4 attempts').and.to.contain('status 503');
    expect(ranges).to.have.length(8);
  });

  it('names the reason when nobody answers at the address', async () => {
    const base = await serve(whole);
    servers.pop()?.close();
    const error = await errorOf(fetchFrom([base], { retries: 1 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('ECONNREFUSED');
  });

  it('does not wait for a server that goes silent', async () => {
    const silent: Answer = (response) => void response.write(bytes.subarray(0, 1000));
    const started = performance.now();
    const error = await errorOf(fetchFrom([await serve(silent)], { retries: 0, timeouts: { stallMs: 300 } }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.match(/after 1000 of 500000 bytes/);
    expect(performance.now() - started).to.be.below(5000);
  });

  it('leaves off at once when it is interrupted, during a download and between attempts', async () => {
    for (const answer of [(response: ServerResponse) => void response.write('x'), status(503)] as Answer[]) {
      const stop = new AbortController();
      const fetched = errorOf(fetchFrom([await serve(answer)], { signal: stop.signal, pauseMs: 60_000 }));
      setTimeout(() => stop.abort(), 100);
      expect((await fetched).code).to.equal('E_INTERRUPTED');
    }
  });

  it('asks the proxy that it is told', async () => {
    const proxy = await serve(whole);
    const got = await fetchFrom(['http://no-such-host.invalid'], { proxy: () => proxy });
    expect(got.equals(bytes)).to.equal(true);
  });

  it('hides the password of an address', async () => {
    const base = (await serve(status(503))).replace('//', '//user:secret@');
    const error = await errorOf(fetchFrom([base], { retries: 0 }));
    expect(error.message).to.not.contain('secret');
  });
});
