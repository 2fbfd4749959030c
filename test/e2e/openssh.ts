import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { freePort } from '../../src/device/virtual/machine.ts';
import { temporaryDirectory } from './projects.ts';

/** A user without rights of its own who can log in to this sshd alone. */
export const guestUser = 'bench-guest';

// The machine keeps its users and its sudo rules: this sshd sees lists that have one user more, and rules of the test's.
const inNamespace = `
dir=$1 user=$2
shift 2
for list in passwd group shadow; do cp "/etc/$list" "$dir/$list"; done
echo "$user:x:54322:54322::$dir/home:/bin/sh" >>"$dir/passwd"
echo "$user:x:54322:" >>"$dir/group"
echo "$user:*:19000:0:99999:7:::" >>"$dir/shadow"
for list in passwd group shadow; do mount --bind "$dir/$list" "/etc/$list"; done
mkdir -p "$dir/home"
chown 54322:54322 "$dir/home"
[ ! -e "$dir/sudoers" ] || { chown 0:0 "$dir/sudoers"; chmod 440 "$dir/sudoers"; mount --bind "$dir/sudoers" /etc/sudoers; }
mkdir -p /run/sshd
[ ! -e "$dir/mounts" ] || while read -r source target; do mount --bind "$source" "$target"; done <"$dir/mounts"
exec "$@"
`;

export interface SshdOptions {
  /** Kinds of host key; ed25519 alone when not given. */
  hostKeys?: ('ed25519' | 'ecdsa' | 'rsa')[];
  /** Lines of sshd_config. */
  settings?: string[];
  /** Text of /etc/sudoers. */
  sudoers?: string;
  /** Files and directories that it sees in the place of this machine's. */
  mounts?: Record<string, string>;
}

/** A real OpenSSH server on a loopback port. */
export interface Sshd {
  port: number;
  dir: string;
  /** Private key that it takes for root and for the guest. */
  identity: string;
  /** Line of the public host key of a kind, without name. */
  hostKey(kind?: string): Promise<string>;
  /** `SHA256:…` */
  fingerprint(kind?: string): Promise<string>;
  /** What it logged. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const dir = await temporaryDirectory('sshd');
  await execa('chmod', ['755', dir]);
  const kinds = options.hostKeys ?? ['ed25519'];
  for (const kind of kinds)
    await execa('ssh-keygen', ['-q', '-t', kind, '-N', '', '-f', path.join(dir, `host_${kind}`)]);
  const identity = path.join(dir, 'id_ed25519');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity]);
  await writeFile(path.join(dir, 'authorized_keys'), await readFile(`${identity}.pub`));
  if (options.sudoers !== undefined) await writeFile(path.join(dir, 'sudoers'), options.sudoers);
  const mounts = Object.entries(options.mounts ?? {}).map(([target, source]) => `${source} ${target}\n`);
  if (mounts.length > 0) await writeFile(path.join(dir, 'mounts'), mounts.join(''));
  const port = await freePort();
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    ...kinds.map((kind) => `HostKey ${dir}/host_${kind}`),
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    ...['PidFile none', 'UsePAM no', 'StrictModes no', 'PermitRootLogin prohibit-password', 'LogLevel VERBOSE'],
    ...(options.settings ?? []),
  ];
  await writeFile(path.join(dir, 'sshd_config'), `${lines.join('\n')}\n`);
  await mkdir('/run/sshd', { recursive: true });
  const isolated = ['--mount', '--propagation', 'private', '--', 'sh', '-euc', inNamespace, 'sshd', dir, guestUser];
  const command = ['/usr/sbin/sshd', '-D', '-E', `${dir}/log`, '-f', `${dir}/sshd_config`];
  const child = spawn('unshare', [...isolated, ...command], { stdio: 'ignore' });
  const hostKey = async (kind = kinds[0] ?? '') =>
    (await readFile(path.join(dir, `host_${kind}.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
  await untilListening(child, port, dir);
  return {
    port,
    dir,
    identity,
    hostKey,
    fingerprint: async (kind = kinds[0] ?? '') =>
      (await execa('ssh-keygen', ['-lf', path.join(dir, `host_${kind}.pub`)])).stdout.split(' ')[1] ?? '',
    log: () => readFile(path.join(dir, 'log'), 'utf8'),
    stop: () => stop(child),
  };
}

async function untilListening(child: ChildProcess, port: number, dir: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${await readFile(`${dir}/log`, 'utf8').catch(() => '')}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error('sshd does not listen');
}

/** Ends the server and, so that connections do not outlive it, what it forked. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await execa('pkill', ['-KILL', '-P', String(child.pid)], { reject: false });
  child.kill('SIGKILL');
  await ended;
}
