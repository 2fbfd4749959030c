import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { FirstSeen } from '../../../src/apt/age/first-seen.ts';
import { type DateOptions, publicationDates } from '../../../src/apt/age/publication-dates.ts';
import { LockstepError } from '../../../src/errors/index.ts';

const day = 86_400_000;
const published = new Date('2026-07-01T10:00:00Z');
const digest = (letter: string) => letter.repeat(64);

describe('since when a deb has been in its archive', () => {
  let dir: string;
  let server: Server;
  let url: string;
  let asked: string[];
  let now: Date;

  before(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const name = request.url?.replace(/.*\//, '');
      if (name === 'silent') return;
      if (name === 'moved') response.writeHead(302, { location: '/dated' });
      if (name === 'dated') response.setHeader('last-modified', published.toUTCString());
      if (name === 'odd') response.setHeader('last-modified', 'yesterday');
      if (name === 'secret' && request.headers.authorization === `Basic ${btoa('me:word')}`) {
        response.setHeader('last-modified', published.toUTCString());
      }
      if (name === 'gone') response.statusCode = 404;
      response.end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-dates-'));
    asked = [];
    now = new Date('2026-07-10T00:00:00Z');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const dates = async (urls: string[], changes: Partial<DateOptions> = {}) => {
    const firstSeen = new FirstSeen(path.join(dir, 'first-seen.json'), () => now);
    const debs = urls.map((each, index) => ({ url: each, sha256: digest('abcdef'[index]!) }));
    const signal = new AbortController().signal;
    const told = await publicationDates(debs, { firstSeen, signal, proxy: () => null, ...changes });
    return debs.map(({ sha256 }) => {
      const found = told.get(sha256);
      return `${found?.told === true ? 'published' : 'seen'} ${found?.date.toISOString()}`;
    });
  };

  it('is what the mirror tells as Last-Modified, without a download', async () => {
    expect(await dates([`${url}/dated`, `${url}/moved`])).to.deep.equal(
      Array(2).fill(`published ${published.toISOString()}`),
    );
    expect(asked.every((line) => line.startsWith('HEAD '))).to.equal(true);
  });

  it('is asked for by way of apt’s proxy', async () => {
    expect(await dates(['http://archive.invalid/dated'], { proxy: () => url })).to.deep.equal([
      `published ${published.toISOString()}`,
    ]);
    expect(asked).to.deep.equal(['HEAD http://archive.invalid/dated']);
  });

  it('is asked for with the user and password of the address', async () => {
    const [told] = await dates([`${url.replace('//', '//me:word@')}/secret`]);
    expect(told).to.equal(`published ${published.toISOString()}`);
  });

  it('is the time of the file where the archive is a directory', async () => {
    const file = path.join(dir, 'a b.deb');
    await writeFile(file, '');
    await utimes(file, published, published);
    expect(await dates([pathToFileURL(file).href])).to.deep.equal([`published ${published.toISOString()}`]);
  });

  it('is the time when it was first seen where the mirror tells none, also the next day', async () => {
    const first = `seen ${now.toISOString()}`;
    expect(await dates([`${url}/odd`, `${url}/gone`, `${url}/undated`])).to.deep.equal([first, first, first]);
    now = new Date(now.getTime() + day);
    expect(await dates([`${url}/odd`, `${url}/gone`])).to.deep.equal([first, first]);
  });

  it('is unknown, not an error, when the mirror does not answer in time', async () => {
    expect(await dates([`${url}/silent`], { timeoutMs: 200 })).to.deep.equal([`seen ${now.toISOString()}`]);
  });

  it('is not waited for after an interrupt', async () => {
    const stop = new AbortController();
    const waiting = dates([`${url}/silent`], { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    const error = await waiting.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_INTERRUPTED');
  });

  it('is forgotten some months after anybody asked, and a damaged memory is an empty one', async () => {
    await dates([`${url}/undated`]);
    now = new Date(now.getTime() + 100 * day);
    await dates([`${url}/other`, `${url}/undated`]);
    const file = path.join(dir, 'first-seen.json');
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')))).to.deep.equal([digest('a'), digest('b')]);
    await writeFile(file, '{"a":');
    expect(await dates([`${url}/undated`])).to.deep.equal([`seen ${now.toISOString()}`]);
  });
});
