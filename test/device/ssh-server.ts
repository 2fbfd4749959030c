import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2, { type AuthContext, type ServerChannel, type Connection as ServerConnection } from 'ssh2';
import type { Connection } from '../../src/device/ssh/connection.ts';
import { newKeyPair } from '../../src/device/ssh/key-pair.ts';

/** An sshd in this process: runs what it is told in a local shell, and forwards loopback ports as OpenSSH does. */
export interface SshServer {
  /** How to reach it, with the right host key and a key that it takes. */
  connection: Connection & { hostKey: string };
  /** Every command line that it was asked to run. */
  commands: string[];
  /** Ends all connections as a power cut would. */
  cut(): void;
  close(): Promise<void>;
}

export async function startSshServer(options: { forwarding?: boolean } = {}): Promise<SshServer> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-ssh-'));
  const host = newKeyPair();
  const user = newKeyPair();
  const identity = path.join(dir, 'id_ed25519');
  await writeFile(identity, user.private, { mode: 0o600 });
  const allowed = blob(user.public);
  const commands: string[] = [];
  const clients = new Set<ServerConnection>();
  const server = new ssh2.Server({ hostKeys: [host.private] }, (client) => {
    clients.add(client);
    client.on('error', () => {});
    client.on('close', () => clients.delete(client));
    client.on('authentication', (context) => authenticate(context, allowed));
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        commands.push(command);
        runLocally(command, acceptExec());
      });
    });
    if (options.forwarding !== false) forwardPorts(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    connection: {
      name: 'bench-1',
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      user: 'root',
      hostKey: `SHA256:${createHash('sha256').update(blob(host.public)).digest('base64').replace(/=+$/, '')}`,
      identity,
    },
    commands,
    cut: () => {
      for (const client of clients) (client as unknown as { _sock: net.Socket })._sock.destroy();
    },
    close: async () => {
      for (const client of clients) client.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(dir, { recursive: true });
    },
  };
}

function blob(line: string): Buffer {
  return Buffer.from(line.split(' ')[1] ?? '', 'base64');
}

function authenticate(context: AuthContext, allowed: Buffer): void {
  if (context.method === 'publickey' && context.key.data.equals(allowed)) context.accept();
  else context.reject(['publickey']);
}

function runLocally(command: string, channel: ServerChannel): void {
  // A group of its own: what the shell has started must not outlive the channel.
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  child.stdin.on('error', () => {});
  channel.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on('close', () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL');
  });
  child.on('close', (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal, false);
    channel.end();
  });
}

function forwardPorts(client: ServerConnection): void {
  client.on('request', (accept, reject, name, info) => {
    if (name !== 'tcpip-forward') return reject?.();
    const listener = net.createServer((socket) => {
      const { remoteAddress = '', remotePort = 0 } = socket;
      const { port } = listener.address() as AddressInfo;
      client.forwardOut(info.bindAddr, port, remoteAddress, remotePort, (error, channel) => {
        if (error) return socket.destroy();
        socket.on('error', () => {});
        channel.on('error', () => {});
        socket.pipe(channel).pipe(socket);
      });
    });
    client.on('close', () => listener.close());
    listener.listen(info.bindPort, info.bindAddr, () => accept?.((listener.address() as AddressInfo).port));
  });
}
