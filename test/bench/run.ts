import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { parseLockfile } from '../../src/apt/lockfile.ts';
import { describeMachine, report, timed } from './compare.ts';

/**
 * `npm run bench [--long]`: what lockstep's stages take beside a peer that does the like, in one run on one machine. With --long
 * also a whole cold build beside mmdebstrap, some minutes each. Prints; asserts nothing.
 */
const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');
const suites = ['bookworm', 'bookworm-updates'];
const packages = ['systemd-sysv', 'dbus', 'openssh-server', 'iproute2', 'ostree'];

async function main(): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bench-'));
  try {
    const lists = `suites: [${suites.join(', ')}], packages: [${packages.join(', ')}]`;
    await writeFile(path.join(dir, 'lockstep.yml'), `images: {panel: {arch: armhf, ${lists}}}\n`);
    console.log(describeMachine());
    await benchUpdate(dir);
    await benchImport(dir);
    if (process.argv.includes('--long')) await benchBuild(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const lockstep = (dir: string, ...args: string[]) =>
  execa('node', [agent, '-C', dir, '--toolbox', 'host', '--quiet', ...args], { stdin: 'ignore' });

/** A no-op update beside apt doing the same in a private root: fetch the lists, solve. */
async function benchUpdate(dir: string): Promise<void> {
  await lockstep(dir, 'update');
  const config = path.join(dir, '.lockstep/apt/panel/apt.conf');
  const apt = (...args: string[]) => execa('apt-get', ['-q', ...args], { env: { APT_CONFIG: config } });
  const ours = await timed(5, async () => void (await lockstep(dir, 'update')));
  const theirs = await timed(5, async () => {
    await apt('update');
    await apt('-y', 'install', '--print-uris', '?essential', ...packages);
  });
  report('update, nothing changed', ours, 'apt-get update + solve', theirs);
}

/** Download and import of all debs beside `dpkg-deb -x` of the same debs, two at a time, from the disk. */
async function benchImport(dir: string): Promise<void> {
  const debs = path.join(dir, 'debs');
  await mkdir(debs);
  const { packages: locked } = parseLockfile(await readFile(path.join(dir, 'panel.lock'), 'utf8'), 'panel.lock');
  await downloadDebs(dir, debs);
  const bytes = locked.reduce((sum, { size }) => sum + size, 0);
  console.log(`${locked.length} debs, ${(bytes / 1e6).toFixed(1)} MB`);
  const ours = await timed(3, async () => {
    await rm(path.join(dir, '.lockstep/repo'), { recursive: true, force: true });
    await importOnly(dir);
  });
  const theirs = await timed(3, async () => {
    await rm(path.join(dir, 'x'), { recursive: true, force: true });
    const command = `ls ${debs}/*.deb | xargs -P 2 -I{} sh -c 'mkdir -p ${dir}/x/$(basename {}) && dpkg-deb -x {} ${dir}/x/$(basename {})'`;
    await execa('sh', ['-c', command]);
  });
  report('import, with download', ours, 'dpkg-deb -x, two at a time', theirs);
  const noop = await timed(3, () => importOnly(dir));
  report('import, all there', noop, 'dpkg-deb -x, two at a time', theirs);
}

async function importOnly(dir: string): Promise<void> {
  await execa('node', ['--import', 'tsx', path.join(import.meta.dirname, 'import-only.ts'), dir]);
}

async function downloadDebs(dir: string, target: string): Promise<void> {
  const config = path.join(dir, '.lockstep/apt/panel/apt.conf');
  const options = ['-q', '-y', '--download-only', '-o', `Dir::Cache::archives=${target}`, 'install'];
  await mkdir(path.join(target, 'partial'), { recursive: true });
  await execa('apt-get', [...options, '?essential', ...packages], { env: { APT_CONFIG: config } });
  if ((await readdir(target)).length < 10) throw new Error(`apt put no debs into ${target}`);
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
