import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { newKeyPair } from '../../../src/device/ssh/key-pair.ts';
import type { Session } from '../../../src/device/ssh/session.ts';
import { connect } from '../../../src/device/ssh/ssh.ts';
import { LockstepError } from '../../../src/errors/index.ts';
import { type SshServer, startSshServer } from '../ssh-server.ts';

async function failureOf(work: Promise<unknown>): Promise<LockstepError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('expected a LockstepError, but it succeeded');
}

describe('connect', () => {
  const signal = new AbortController().signal;
  const environment = { HOME: '/nonexistent' };
  let server: SshServer;
  let dir: string;

  before(async () => {
    server = await startSshServer();
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-connect-'));
  });
  after(async () => {
    await server.close();
    await rm(dir, { recursive: true });
  });

  it('logs in to a device that shows the pinned host key', async () => {
    const session = await connect(server.connection, { signal, environment });
    const { stdout } = await session.exec(['echo', 'hello']);
    await session.close();
    expect(stdout).to.equal('hello\n');
  });

  it('refuses another host key, names both fingerprints and asks nothing of the device', async () => {
    const pinned = `SHA256:${'A'.repeat(43)}`;
    const asked = server.commands.length;
    const error = await failureOf(connect({ ...server.connection, hostKey: pinned }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_HOST_KEY');
    expect(error.message).to.include(pinned).and.to.include(server.connection.hostKey).and.to.include('bench-1');
    expect(server.commands).to.have.length(asked);
  });

  it('refuses a pin that is only the beginning of the fingerprint', async () => {
    const hostKey = server.connection.hostKey.slice(0, -1);
    const error = await failureOf(connect({ ...server.connection, hostKey }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_HOST_KEY');
  });

  it('says so when the device takes none of the keys, without showing any of a key', async () => {
    const other = path.join(dir, 'other');
    const pair = newKeyPair();
    await writeFile(other, pair.private, { mode: 0o600 });
    const error = await failureOf(connect({ ...server.connection, identity: other }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_AUTH');
    expect(error.message).to.include('bench-1').and.not.to.include(pair.private.split('\n')[2]);
  });

  it('says so when there is no key to offer', async () => {
    const error = await failureOf(connect({ ...server.connection, identity: null }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_AUTH');
    expect(error.message).to.include('no key');
  });

  it('finds the key in ~/.ssh when the device has no identity of its own', async () => {
    const home = await mkdtemp(path.join(dir, 'home-'));
    const { mkdir, copyFile } = await import('node:fs/promises');
    await mkdir(path.join(home, '.ssh'));
    await copyFile(server.connection.identity ?? '', path.join(home, '.ssh', 'id_ed25519'));
    const session = await connect({ ...server.connection, identity: null }, { signal, environment: { HOME: home } });
    await session.close();
  });

  it('goes on to the next key when the agent does not answer', async () => {
    const home = await mkdtemp(path.join(dir, 'home-'));
    const { mkdir, copyFile } = await import('node:fs/promises');
    await mkdir(path.join(home, '.ssh'));
    await copyFile(server.connection.identity ?? '', path.join(home, '.ssh', 'id_ed25519'));
    const withAgent = { HOME: home, SSH_AUTH_SOCK: path.join(dir, 'no-agent') };
    const session = await connect({ ...server.connection, identity: null }, { signal, environment: withAgent });
    await session.close();
  });

  it('names the file of an identity that is not a private key', async () => {
    const wrong = path.join(dir, 'wrong');
    await writeFile(wrong, 'not a key\n');
    const error = await failureOf(connect({ ...server.connection, identity: wrong }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_AUTH');
    expect(error.message).to.include(wrong);
  });

  it('says that a device does not answer when its port is closed', async () => {
    const port = await closedPort();
    const error = await failureOf(connect({ ...server.connection, port }, { signal, environment }));
    expect(error.code).to.equal('E_SSH_UNREACHABLE');
    expect(error.message).to.include(`127.0.0.1:${port}`).and.to.include('ECONNREFUSED');
  });

  it('gives up on a device that accepts the connection and then says nothing', async () => {
    const mute = net.createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const error = await failureOf(connect({ ...server.connection, port }, { signal, environment, timeoutMs: 300 }));
    mute.close();
    expect(error.code).to.equal('E_SSH_UNREACHABLE');
  });

  it('stops waiting for a device when it is interrupted', async () => {
    const mute = net.createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const error = await failureOf(connect({ ...server.connection, port }, { signal: controller.signal, environment }));
    mute.close();
    expect(error.code).to.equal('E_INTERRUPTED');
  });
});

describe('a session', () => {
  const signal = new AbortController().signal;
  let server: SshServer;
  let session: Session;

  beforeEach(async () => {
    server = await startSshServer();
    session = await connect(server.connection, { signal });
  });
  afterEach(async () => {
    await session.close();
    await server.close();
  });

  it('hands arguments over as they are, whatever a shell would make of them', async () => {
    const words = ["it's", '$HOME', 'a b', '', '*', '"; exit 3; "', 'ümlaut\nline'];
    const { stdout } = await session.exec(['printf', '%s|', ...words]);
    expect(stdout).to.equal(words.map((word) => `${word}|`).join(''));
  });

  it('keeps stdout and stderr apart and hands on their lines as they come', async () => {
    const lines: string[] = [];
    const result = await session.script('echo one; echo two >&2; printf three', { onLine: (line) => lines.push(line) });
    expect(result.stdout).to.equal('one\nthree');
    expect(result.stderr).to.equal('two\n');
    expect(lines).to.have.members(['one', 'two', 'three']);
  });

  it('throws the last lines of a command that fails, and returns its code when it may', async () => {
    const error = await failureOf(session.script('echo no space left >&2; exit 7'));
    expect(error.code).to.equal('E_DEVICE_COMMAND');
    expect(error.message).to.include('exit code 7').and.to.include('no space left');
    expect((await session.script('exit 7', { check: false })).exitCode).to.equal(7);
    expect((await session.script('kill -9 $$', { check: false })).exitCode).to.equal(137);
  });

  it('feeds a command from a stream', async () => {
    const input = Readable.from([Buffer.alloc(300_000, 'x'), Buffer.from('end')]);
    const { stdout } = await session.exec(['wc', '-c'], { input });
    expect(stdout.trim()).to.equal('300003');
  });

  it('ends the wait for a command that does not end', async () => {
    const error = await failureOf(session.exec(['sleep', '60'], { timeoutMs: 200 }));
    expect(error.code).to.equal('E_DEVICE_COMMAND');
    expect(error.message).to.include('did not end');
  });

  it('becomes root by sudo -n for another user', async () => {
    const other = await connect({ ...server.connection, user: 'panel' }, { signal });
    await other.exec(['true'], { check: false });
    await other.close();
    expect(server.commands.at(-1)).to.equal('sudo -n -- true');
  });

  it('says that the connection broke when it does so during a command', async () => {
    setTimeout(() => server.cut(), 200);
    const error = await failureOf(session.exec(['sleep', '60']));
    expect(error.code).to.equal('E_SSH_CUT');
    expect((await failureOf(session.exec(['true']))).code).to.equal('E_SSH_CUT');
  });

  it('ends although the other side never closes its half, as a device that was reset', async () => {
    const deaf = net.createServer({ allowHalfOpen: true }, (socket) => {
      const upstream = net.connect(server.connection.port, '127.0.0.1');
      upstream.on('data', (chunk) => socket.write(chunk));
      socket.on('data', (chunk) => upstream.write(chunk));
      socket.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const { port } = deaf.address() as AddressInfo;
    const other = await connect({ ...server.connection, port }, { signal });
    await other.close();
    deaf.close();
    expect(other.alive).to.equal(false);
  });

  it('lets the device reach a server of this process through a loopback port of its own', async () => {
    const http = createServer((request, response) => response.end(`you asked for ${request.url}`));
    const forward = await session.forward(http);
    const first = await fetch(`http://127.0.0.1:${forward.port}/one`).then((response) => response.text());
    const second = await fetch(`http://127.0.0.1:${forward.port}/two`).then((response) => response.text());
    forward.close();
    expect([first, second]).to.deep.equal(['you asked for /one', 'you asked for /two']);
  });

  it('names the setting when sshd refuses to forward ports', async () => {
    const strict = await startSshServer({ forwarding: false });
    const other = await connect(strict.connection, { signal });
    const error = await failureOf(other.forward(createServer()));
    await other.close();
    await strict.close();
    expect(error.code).to.equal('E_DEVICE_PREPARE');
    expect(error.hint).to.include('AllowTcpForwarding');
  });

  it('unpacks a tar stream with modes kept', async () => {
    const { pack } = await import('tar-stream');
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-unpack-'));
    const tar = pack();
    tar.entry({ name: 'deep/test', mode: 0o755 }, '#!/bin/sh\n');
    tar.finalize();
    await session.unpack(Readable.from(tar), path.join(dir, 'made'));
    const text = await readFile(path.join(dir, 'made/deep/test'), 'utf8');
    await rm(dir, { recursive: true });
    expect(text).to.equal('#!/bin/sh\n');
  });
});

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
