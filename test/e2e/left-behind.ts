import { readdir, readFile, readlink } from 'node:fs/promises';
import { expect } from 'chai';
import { execa } from 'execa';

/** Fails when a project's directory is still mounted, run from, or seen by a container. */
export async function expectNothingLeft(dir: string): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => line.includes(dir));
  expect(mounts, 'mounts').to.deep.equal([]);
  expect(await processesIn(dir), 'processes').to.deep.equal([]);
  const containers = await execa('docker', ['ps', '--all', '--quiet', '--filter', `volume=${dir}`], { reject: false });
  expect(containers.stdout, 'containers').to.equal('');
}

/** Processes that name a directory in their command line, or have their root in it; those of containers among them. */
async function processesIn(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const root = await readlink(`/proc/${pid}/root`).catch(() => '');
    if (command.includes(dir) || root.startsWith(dir))
      found.push(`${pid} ${command.replaceAll('\0', ' ').slice(0, 200)}`);
  }
  return found;
}

/** The entries of this machine's table of interpreters. */
export async function binfmtEntries(): Promise<string[]> {
  return (await readdir('/proc/sys/fs/binfmt_misc').catch(() => [])).sort();
}

/**
 * Whether this kernel gives a user namespace a binfmt_misc of its own (Linux 6.7), found out in another way than lockstep
 * does.
 */
export async function namespacesHaveBinfmt(): Promise<boolean> {
  const mounts = ['mount', '-t', 'binfmt_misc', 'none', '/proc/sys/fs/binfmt_misc'];
  const argv = ['--user', '--map-root-user', '--mount', ...mounts];
  return (await execa('unshare', argv, { reject: false })).exitCode === 0;
}
