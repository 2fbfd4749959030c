import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { describeMachine, report, timed } from './compare.ts';
import { benchImport } from './import.ts';

/**
 * `npm run bench [-- --long]`: what lockstep's stages take beside a peer that does the like, in one run on one machine. With --long
 * also a whole cold build beside mmdebstrap, some minutes each, and the import of a large image. Prints; asserts nothing.
 */
const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');
const suites = ['bookworm', 'bookworm-updates'];
const packages = ['systemd-sysv', 'dbus', 'openssh-server', 'iproute2', 'ostree'];

/** Brings some 500 packages. */
const many = [...packages, 'network-manager', 'build-essential', 'git', 'vim', 'gdb', 'python3-numpy'];
many.push('nginx', 'postgresql', 'xorg', 'mpv');

async function main(): Promise<void> {
  console.log(describeMachine());
  await inProject(packages, async (dir) => {
    await benchUpdate(dir);
    await benchImport({ dir, packages });
    if (process.argv.includes('--long')) await benchBuild(dir);
  });
  if (process.argv.includes('--long')) await inProject(many, (dir) => benchImport({ dir, packages: many }));
}

/** Does the work in a project of one image, resolved. */
async function inProject(wanted: readonly string[], work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bench-'));
  try {
    const lists = `suites: [${suites.join(', ')}], packages: [${wanted.join(', ')}]`;
    await writeFile(path.join(dir, 'lockstep.yml'), `images: {panel: {arch: armhf, ${lists}}}\n`);
    await lockstep(dir, 'update');
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const lockstep = (dir: string, ...args: string[]) =>
  execa('node', [agent, '-C', dir, '--toolbox', 'host', '--quiet', ...args], { stdin: 'ignore' });

/** A no-op update beside apt doing the same in a private root: fetch the lists, solve. */
async function benchUpdate(dir: string): Promise<void> {
  const config = path.join(dir, '.lockstep/apt/panel/apt.conf');
  const apt = (...args: string[]) => execa('apt-get', ['-q', ...args], { env: { APT_CONFIG: config } });
  const ours = await timed(5, async () => void (await lockstep(dir, 'update')));
  const theirs = await timed(5, async () => {
    await apt('update');
    await apt('-y', 'install', '--print-uris', '?essential', ...packages);
  });
  report('update, nothing changed', ours, 'apt-get update + solve', theirs);
}

/** A cold build beside mmdebstrap of the same packages. */
async function benchBuild(dir: string): Promise<void> {
  const sources = await readFile(path.join(dir, '.lockstep/apt/panel/image.sources'), 'utf8');
  const uri = /^URIs: (.*)$/m.exec(sources)?.[1];
  const lines = suites.map((suite) => `deb ${uri} ${suite} main`);
  const theirs = await timed(1, async () => {
    const include = ['usr-is-merged', ...packages].join(',');
    await execa('unshare', [
      '--mount',
      '--propagation',
      'private',
      'mmdebstrap',
      '--architectures=armhf',
      '--variant=essential',
      `--include=${include}`,
      'bookworm',
      '/dev/null',
      ...lines,
    ]);
  });
  const ours = await timed(1, async () => {
    await rm(path.join(dir, '.lockstep/repo'), { recursive: true, force: true });
    await lockstep(dir, 'build');
  });
  report('build, cold', ours, 'mmdebstrap', theirs);
  const noop = await timed(5, async () => void (await lockstep(dir, 'build')));
  report('build, nothing changed', noop, 'mmdebstrap', theirs);
}

await main();
