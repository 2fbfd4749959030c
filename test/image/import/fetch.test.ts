import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { collect, errorOf } from '../../deb/debs.ts';
import { type Answer, bytes, deb, mirrorsOfEach, status, whole } from './mirrors.ts';

describe('Fetcher', () => {
  const mirrors = mirrorsOfEach();

  it('yields the bytes that the server has', async () => {
    expect((await mirrors.fetchFrom([await mirrors.serve(whole)])).equals(bytes)).to.equal(true);
  });

  it('asks past all caches when it is to be fresh, and only then', async () => {
    const asked: (string | undefined)[] = [];
    const noting: Answer = (response, request) => {
      asked.push(request.headers['cache-control']);
      response.end(bytes);
    };
    const server = await mirrors.serve(noting);
    await mirrors.fetchFrom([server]);
    await mirrors.fetchFrom([server], {}, { fresh: true });
    expect(asked).to.deep.equal([undefined, 'no-cache']);
  });

  it('asks the next address when one has not got it', async () => {
    expect(
      (await mirrors.fetchFrom([await mirrors.serve(status(404)), await mirrors.serve(whole)])).equals(bytes),
    ).to.equal(true);
  });

  it('follows redirections, as mirrors make them', async () => {
    const there = await mirrors.serve(whole);
    const redirect: Answer = (response) => response.writeHead(302, { location: `${there}/elsewhere` }).end();
    expect((await mirrors.fetchFrom([await mirrors.serve(redirect)])).equals(bytes)).to.equal(true);
  });

  it('says that a deb is gone when no address has it, without asking again', async () => {
    const error = await errorOf(
      mirrors.fetchFrom([await mirrors.serve(status(404)), await mirrors.serve(status(410))]),
    );
    expect(error.code).to.equal('E_FETCH_GONE');
    expect(error.message).to.contain('sample 1.0 armhf');
    expect(mirrors.ranges).to.have.length(2);
  });

  it('names every address that was asked, and what it said', async () => {
    const bases = [
      await mirrors.serve(status(404)),
      await mirrors.serve(status(503)),
      'http://127.0.0.1:1',
      '/nonexistent/archive',
    ];
    const error = await errorOf(mirrors.fetchFrom(bases, { retries: 0 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    for (const base of bases) expect(error.message).to.contain(`${base}/${deb.filename}`);
    expect(error.message).to.contain('status 404').and.to.contain('status 503').and.to.contain('ECONNREFUSED');
    const gone = await errorOf(mirrors.fetchFrom([bases[0]!, '/nonexistent/archive']));
    expect(gone.code).to.equal('E_FETCH_GONE');
    expect(gone.message).to.contain(bases[0]).and.to.contain('/nonexistent/archive');
  });

  it('asks a server last that did not answer the time before', async () => {
    const [down, up] = ['http://127.0.0.1:1', await mirrors.serve(whole)];
    const asked: string[] = [];
    const proxy = (url: string) => {
      asked.push(new URL(url).origin);
      return null;
    };
    const fetcher = mirrors.fetcher({ candidates: () => [`${down}/a`, `${up}/a`], proxy });
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
    await mirrors.fetchFrom([(await mirrors.serve(asks)).replace('//', '//user:p%40ss@')]);
    expect(said).to.equal(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  });

  it('asks again, so many times, while an address answers with errors', async () => {
    const error = await errorOf(
      mirrors.fetchFrom([await mirrors.serve(status(404)), await mirrors.serve(status(503))], { retries: 3 }),
    );
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('in 4 attempts').and.to.contain('status 503');
    expect(mirrors.ranges).to.have.length(8);
  });

  it('names the reason when nobody answers at the address', async () => {
    const base = await mirrors.serve(whole);
    await mirrors.close();
    const error = await errorOf(mirrors.fetchFrom([base], { retries: 1 }));
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.contain('ECONNREFUSED');
  });

  it('does not wait for a server that goes silent', async () => {
    const silent: Answer = (response) => void response.write(bytes.subarray(0, 1000));
    const started = performance.now();
    const error = await errorOf(
      mirrors.fetchFrom([await mirrors.serve(silent)], { retries: 0, timeouts: { stallMs: 300 } }),
    );
    expect(error.code).to.equal('E_FETCH_UNREACHABLE');
    expect(error.message).to.match(/after 1000 of 500000 bytes/);
    expect(performance.now() - started).to.be.below(5000);
  });

  it('leaves off at once when it is interrupted, during a download and between attempts', async () => {
    for (const answer of [(response: ServerResponse) => void response.write('x'), status(503)] as Answer[]) {
      const stop = new AbortController();
      const fetched = errorOf(
        mirrors.fetchFrom([await mirrors.serve(answer)], { signal: stop.signal, pauseMs: 60_000 }),
      );
      setTimeout(() => stop.abort(), 100);
      expect((await fetched).code).to.equal('E_INTERRUPTED');
    }
  });

  it('asks the proxy that it is told', async () => {
    const proxy = await mirrors.serve(whole);
    const got = await mirrors.fetchFrom(['http://no-such-host.invalid'], { proxy: () => proxy });
    expect(got.equals(bytes)).to.equal(true);
  });

  it('hides the password of an address', async () => {
    const base = (await mirrors.serve(status(503))).replace('//', '//user:secret@');
    const error = await errorOf(mirrors.fetchFrom([base], { retries: 0 }));
    expect(error.message).to.not.contain('secret');
  });
});
