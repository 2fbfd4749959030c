import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Served } from '../../src/ostree/commit-source.ts';
import { type RepoServer, serveRepo } from '../../src/ostree/serve.ts';

/** As what is made while it is sent comes: in pieces that are valid until the next. */
async function* inPieces(): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(3);
  for (const digits of ['012', '345', '678', '9']) yield piece.subarray(0, piece.write(digits));
}

describe('serveRepo', () => {
  let dir: string;
  let repo: RepoServer;
  let port: number;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-serve-'));
    await writeFile(path.join(dir, 'config'), '0123456789');
    repo = serveRepo({ find });
    await new Promise<void>((resolve) => repo.server.listen(0, '127.0.0.1', resolve));
    port = (repo.server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    repo.server.close();
    repo.close();
    await rm(dir, { recursive: true });
  });

  async function find(url: string): Promise<Served | null> {
    if (url === '/small') return { bytes: Buffer.from('0123456789') };
    if (url === '/empty') return { bytes: Buffer.alloc(0) };
    if (url === '/made') return { size: 10, stream: inPieces };
    if (url === '/damaged') throw new Error('damaged');
    if (url !== '/config' && url !== '/large') return null;
    const file = path.join(dir, url);
    return { path: file, size: (await stat(file)).size };
  }

  /** Sends the path as it is: fetch would tidy it up first. */
  function ask(url: string, options: http.RequestOptions = {}) {
    return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, path: url, ...options }, async (response) => {
        let body = '';
        for await (const chunk of response) body += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
      request.once('error', reject);
      request.end();
    });
  }

  it('sends a file and counts its bytes', async () => {
    const { status, body, headers } = await ask('/config');
    expect({ status, body, length: headers['content-length'] }).to.deep.equal({
      status: 200,
      body: '0123456789',
      length: '10',
    });
    expect(repo.bytesSent()).to.equal(10);
    expect(await ask('/small')).to.include({ status: 200, body: '0123456789' });
    expect(repo.bytesSent()).to.equal(20);
    expect([...repo.sent]).to.deep.equal(['/config', '/small']);
  });

  for (const url of ['/config', '/made'])
    it(`sends the range that was asked for, of ${url}`, async () => {
      const range = async (value: string) => {
        const { status, body, headers } = await ask(url, { headers: { range: value } });
        return `${status} ${body} ${headers['content-range'] ?? ''}`.trim();
      };
      expect(await range('bytes=2-4')).to.equal('206 234 bytes 2-4/10');
      expect(await range('bytes=7-')).to.equal('206 789 bytes 7-9/10');
      expect(await range('bytes=-3')).to.equal('206 789 bytes 7-9/10');
      expect(await range('bytes=5-99')).to.equal('206 56789 bytes 5-9/10');
      expect(await range('bytes=10-')).to.equal('416  bytes */10');
      expect(await range('bytes=4-2')).to.equal('200 0123456789');
      expect(await range('lines=1-2')).to.equal('200 0123456789');
    });

  it('sends what is made while it is sent', async () => {
    expect(await ask('/made')).to.include({ status: 200, body: '0123456789' });
    expect([...repo.sent]).to.deep.equal(['/made']);
  });

  it('answers HEAD with the length and nothing else', async () => {
    const { status, body, headers } = await ask('/config', { method: 'HEAD' });
    expect({ status, body, length: headers['content-length'] }).to.deep.equal({ status: 200, body: '', length: '10' });
    expect(repo.bytesSent()).to.equal(0);
  });

  it('sends an empty file', async () => {
    expect(await ask('/empty')).to.include({ status: 200, body: '' });
  });

  it('sends nothing that is not there', async () => {
    expect(await ask('/summary')).to.include({ status: 404, body: '' });
    expect(repo.failure()).to.equal(null);
  });

  it('says why it could not send what should be there', async () => {
    expect(await ask('/damaged')).to.include({ status: 500, body: '' });
    expect(repo.failure()?.message).to.equal('damaged');
  });

  it('sends no headers that a puller has no use for', async () => {
    const { headers } = await ask('/small');
    expect(Object.keys(headers).sort()).to.deep.equal(['accept-ranges', 'content-length']);
  });

  it('refuses to be written to', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) expect((await ask('/config', { method })).status).to.equal(405);
  });

  it('keeps a connection open from one object to the next', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    repo.server.on('connection', () => {
      connections += 1;
    });
    for (let time = 0; time < 3; time++) await ask('/config', { agent });
    await ask('/summary', { agent });
    await ask('/config', { agent });
    agent.destroy();
    expect(connections).to.equal(1);
  });

  it('survives a puller that goes away in the middle', async () => {
    await writeFile(path.join(dir, 'large'), Buffer.alloc(20_000_000));
    await new Promise<void>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'));
      socket.once('data', () => socket.destroy());
      socket.once('close', () => resolve());
    });
    expect(await ask('/config')).to.include({ status: 200 });
  });

  it('tells a transfer at a standstill from one that waits for its puller', async () => {
    await writeFile(path.join(dir, 'large'), Buffer.alloc(20_000_000));
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'));
    await once(socket, 'data');
    socket.pause();
    for (let tries = 0; repo.activity().idleMs < 50 && tries < 500; tries++) await sleep(10);
    expect(repo.activity()).to.include({ sending: 1 });
    expect(repo.activity().idleMs).to.be.within(50, 5000);
    socket.destroy();
    for (let tries = 0; repo.activity().sending > 0 && tries < 500; tries++) await sleep(10);
    expect(repo.activity()).to.include({ sending: 0 });
  });
});
