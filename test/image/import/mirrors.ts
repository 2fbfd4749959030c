import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { Fetcher, type FetcherOptions } from '../../../src/image/import/fetch.ts';
import { collect, entryFor } from '../../deb/debs.ts';

export const bytes = randomBytes(500_000);
export const deb = entryFor(bytes);

/** Answers a request, the nth from 0 on that a server gets. */
export type Answer = (response: ServerResponse, request: IncomingMessage, nth: number) => void;

/** The bytes asked for, as a server that knows ranges sends them. */
export const whole: Answer = (response, request) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...(start > 0 ? range : {}) });
  response.end(bytes.subarray(start));
};

/** Promises all and breaks off after `length` bytes. */
export function cutAfter(length: number): Answer {
  return (response, request, nth) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (nth === 0) response.writeHead(200, { 'content-length': bytes.length });
    else response.writeHead(206, { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
    response.write(bytes.subarray(start, start + length), () => response.socket?.destroy());
  };
}

export const status =
  (code: number): Answer =>
  (response) =>
    response.writeHead(code).end('no');

/** Mirrors for the tests of a suite; those of a test end with it. */
export function mirrorsOfEach(): Mirrors {
  const mirrors = new Mirrors();
  afterEach(() => mirrors.close());
  return mirrors;
}

/** Servers on loopback that have one deb, and what is asked of them. */
class Mirrors {
  /** The ranges that were asked for, a request each. */
  ranges: (string | undefined)[] = [];
  /** What the rest of a file was asked for on condition of, a request each. */
  conditions: (string | undefined)[] = [];
  readonly #servers: Server[] = [];
  readonly #fetchers: Fetcher[] = [];

  /** The base URL of a server that gives its answers in turn, the last one for ever. */
  async serve(...answers: Answer[]): Promise<string> {
    let nth = 0;
    const server = createServer((request, response) => {
      this.ranges.push(request.headers.range);
      this.conditions.push(request.headers['if-range'] as string | undefined);
      const answer = answers[Math.min(nth, answers.length - 1)] ?? whole;
      answer(response, request, nth);
      nth += 1;
    });
    this.#servers.push(server);
    return listening(server);
  }

  /** The base URL of a server that sends these bytes once, then hangs up: what comes later finds nobody. */
  async serveOnce(head: string, body: Buffer): Promise<string> {
    const server = createTcpServer((socket) => {
      server.close();
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head), body])));
    });
    return listening(server);
  }

  /** A fetcher that does not wait long between attempts. */
  fetcher(options: Partial<FetcherOptions> & Pick<FetcherOptions, 'candidates'>): Fetcher {
    const { signal } = new AbortController();
    const fetcher = new Fetcher({ signal, pauseMs: 5, proxy: () => null, ...options });
    this.#fetchers.push(fetcher);
    return fetcher;
  }

  /** Fetches the deb from mirrors at these base URLs. */
  fetchFrom(bases: string[], options: Partial<FetcherOptions> = {}, how?: { fresh: boolean }): Promise<Buffer> {
    const candidates = (filename: string) => bases.map((base) => `${base}/${filename}`);
    return collect(this.fetcher({ candidates, ...options }).fetch(deb, how));
  }

  async close(): Promise<void> {
    this.ranges = [];
    this.conditions = [];
    await Promise.all(this.#fetchers.splice(0).map((fetcher) => fetcher.close()));
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function listening(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
