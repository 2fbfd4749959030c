import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Connection } from '../../src/device/ssh/connection.ts';
import { freePort } from '../../src/device/virtual/machine.ts';

/** OpenSSH on a loopback port, logging in whoever runs it, with files in `dir`. */
export async function startSshd(dir: string): Promise<{ connection: Connection; stop(): void }> {
  const key = (name: string) => execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(dir, name)]);
  await Promise.all([key('host'), key('id')]);
  await execa('mkdir', ['-p', '/run/sshd']);
  const port = await freePort();
  const settings = [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${dir}/host`, 'PidFile none', 'StrictModes no'];
  settings.push(`AuthorizedKeysFile ${dir}/id.pub`, 'PermitRootLogin yes', 'MaxStartups 100');
  await writeFile(path.join(dir, 'sshd_config'), `${settings.join('\n')}\n`);
  const server = spawn('/usr/sbin/sshd', ['-D', '-f', path.join(dir, 'sshd_config')], { stdio: 'ignore' });
  const { stdout } = await execa('ssh-keygen', ['-lf', `${dir}/host.pub`]);
  await sleep(500);
  const [user, hostKey = ''] = ['root', stdout.split(' ')[1]];
  const connection = { name: 'bench', host: '127.0.0.1', port, user, hostKey, identity: `${dir}/id` } as Connection;
  return { connection, stop: () => void server.kill() };
}
