import { expect } from 'chai';
import { CheckedSource } from '../../../src/deb/checked-source.ts';
import { Fetcher } from '../../../src/image/import/fetch.ts';
import { fetchRight } from '../../../src/image/import/right-deb.ts';
import { errorOf, type MadeDeb, makeDeb } from '../../deb/debs.ts';
import { DebServer } from '../../e2e/deb-server.ts';

describe('fetchRight', () => {
  let deb: MadeDeb;
  let servers: DebServer[];
  const fetchers: Fetcher[] = [];

  before(async () => {
    deb = await makeDeb({ name: 'right', files: { 'usr/a': 'a' }, compression: 'none' });
  });

  beforeEach(async () => {
    servers = await Promise.all([DebServer.open(), DebServer.open(), DebServer.open()]);
  });

  afterEach(async () => {
    await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()));
    for (const server of servers) server.close();
  });

  async function fetchFrom(from: readonly DebServer[]): Promise<Buffer> {
    const candidates = (filename: string) => from.flatMap((server) => server.candidates(filename));
    const fetcher = new Fetcher({ candidates, signal: new AbortController().signal, proxy: () => null, pauseMs: 1 });
    fetchers.push(fetcher);
    let got = Buffer.alloc(0);
    await fetchRight(fetcher, deb, async (bytes) => {
      const checked = new CheckedSource(bytes, deb);
      const parts: Buffer[] = [];
      for await (const part of checked.bytes()) parts.push(part);
      checked.check();
      got = Buffer.concat(parts);
    });
    return got;
  }

  const wrong = () => Buffer.from(deb.bytes).fill(0x78, deb.size - 10);
  const addressOf = (server: DebServer) => server.candidates(deb.filename)[0] ?? '';

  it('asks the next address when the first has another deb of that name, after asking it past all caches', async () => {
    const [first, second] = servers as [DebServer, DebServer];
    first.serve(deb, wrong());
    second.serve(deb);
    expect((await fetchFrom([first, second])).equals(deb.bytes)).to.equal(true);
    expect(first.requests).to.have.length(2);
    expect(second.requests).to.have.length(1);
  });

  it('goes past a page of HTML, a deb that is gone and one that is too short', async () => {
    const [first, second, third] = servers as [DebServer, DebServer, DebServer];
    first.serve(deb, Buffer.from('<html>Please log in</html>'));
    third.serve(deb);
    expect((await fetchFrom([first, second, third])).equals(deb.bytes)).to.equal(true);
  });

  it('does not ask the same address more than twice for a deb that it has not got', async () => {
    const [only] = servers as [DebServer];
    only.serve(deb, wrong());
    const error = await errorOf(fetchFrom([only]));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    expect(error.message).to.contain(addressOf(only)).and.to.contain(deb.sha256);
    expect(only.requests).to.have.length(2);
  });

  it('names every address in the end, whether it had a wrong deb or none', async () => {
    const [first, second, third] = servers as [DebServer, DebServer, DebServer];
    first.serve(deb, wrong());
    second.serve(deb, Buffer.from('<html></html>'));
    const error = await errorOf(fetchFrom([first, second, third]));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    for (const server of servers) expect(error.message).to.contain(addressOf(server));
    expect(error.message).to.contain('right 1.0 armhf').and.to.contain('status 404');
  });
});
