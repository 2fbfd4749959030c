import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { putLaterVersion } from '../later-version.ts';
import { type Built, build } from './build.ts';
import { median, report, timed } from './compare.ts';

export interface BuiltSet {
  /** What its lines begin with. */
  name: string;
  /** A project whose only image, `panel`, has a lockfile. */
  dir: string;
  /** What that lockfile was resolved from. */
  packages: readonly string[];
  suites: readonly string[];
  /** A package that changes, and a file of it. */
  changing: readonly [name: string, file: string];
}

/**
 * Builds from an empty repository, after one package changed and after nothing changed, the first beside mmdebstrap of the same
 * packages: for each of `peers`, an architecture. Downloads are part of both; mmdebstrap resolves as well, which is seconds.
 */
export async function benchBuilds(set: BuiltSet, peers: readonly string[]): Promise<void> {
  const { name, dir } = set;
  const theirs: [string, number[]][] = [];
  for (const arch of peers) theirs.push([`mmdebstrap, ${arch}`, await timed(1, () => mmdebstrap(set, arch))]);
  const cold = await repeated(3, async () => {
    await putAside(path.join(dir, '.lockstep/repo'));
    await execa('sync');
    return build(dir);
  });
  for (const [peer, seconds] of theirs) report(`${name}: cold`, secondsOf(cold), peer, seconds);
  await describe(dir, cold);
  report(`${name}: one package changed`, secondsOf(await buildChanged(set)), 'cold', secondsOf(cold));
  const unchanged = await repeated(5, () => build(dir));
  report(`${name}: nothing changed`, secondsOf(unchanged), 'cold', secondsOf(cold));
}

const secondsOf = (builds: readonly Built[]) => builds.map(({ seconds }) => seconds);

async function repeated(times: number, work: () => Promise<Built>): Promise<Built[]> {
  const results: Built[] = [];
  for (let run = 0; run < times; run += 1) results.push(await work());
  return results;
}

/** Where the time went, by the medians of the stages; memory and disk. */
async function describe(dir: string, builds: readonly Built[]): Promise<void> {
  const names = Object.keys(builds[0]?.stages ?? {});
  const stages = names.map((name) => `${name} ${median(builds.map(({ stages }) => stages[name] ?? 0)).toFixed(1)} s`);
  console.log(`  of which ${stages.join(', ')}`);
  const image = await sizeOf(dir);
  const written = median(builds.map((built) => built.written));
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(
    `  Node’s memory ${mebibytes(Math.max(...builds.map(({ memory }) => memory)))} at most; written ${mebibytes(written)}, ` +
      `${(written / image).toFixed(2)} × the image of ${mebibytes(image)}`,
  );
}

/** What the files of the image hold, in bytes. */
async function sizeOf(dir: string): Promise<number> {
  const { stdout } = await execa('ostree', [`--repo=${dir}/.lockstep/repo`, 'ls', '-R', 'panel/armhf']);
  return stdout.split('\n').reduce((sum, line) => sum + Number(/^-\d+ \d+ \d+ +(\d+)/.exec(line)?.[1] ?? 0), 0);
}

/** Each time from the state in which the package was the old one. */
async function buildChanged({ dir, changing }: BuiltSet): Promise<Built[]> {
  const lockfile = path.join(dir, 'panel.lock');
  await cp(lockfile, `${lockfile}.before`);
  await putLaterVersion(dir, ...changing);
  const repo = path.join(dir, '.lockstep/repo');
  const before = await putAside(repo);
  return repeated(3, async () => {
    if (existsSync(repo)) await putAside(repo);
    // Links are enough: ostree never writes into what is there. What it locks is made anew.
    await execa('cp', ['-al', before, repo]);
    await rm(path.join(repo, '.lock'), { force: true });
    await execa('sync');
    return build(dir);
  });
}

/**
 * Renames a repository, out of the way until the project is removed; returns where it is now. Removing it right before a build would
 * slow that down: ext4 passes by all inodes that were freed in the last seconds, one by one, for each file that is made.
 */
async function putAside(repo: string): Promise<string> {
  const aside = path.join(path.dirname(repo), 'aside');
  await mkdir(aside, { recursive: true });
  const to = path.join(await mkdtemp(`${aside}/`), 'repo');
  if (existsSync(repo)) await rename(repo, to);
  return to;
}

async function mmdebstrap({ dir, packages, suites }: BuiltSet, arch: string): Promise<void> {
  const sources = await readFile(path.join(dir, '.lockstep/apt/panel/image.sources'), 'utf8');
  const uri = /^URIs: (.*)$/m.exec(sources)?.[1];
  const lines = suites.map((suite) => `deb ${uri} ${suite} main`);
  const include = [
    'usr-is-merged',
    ...packages.map((name) => name.replace(/-armmp$/, arch === 'armhf' ? '-armmp' : '-amd64')),
  ];
  const options = [`--architectures=${arch}`, '--variant=essential', `--include=${include.join(',')}`];
  const argv = [
    '--mount',
    '--propagation',
    'private',
    'mmdebstrap',
    ...options,
    suites[0] ?? '',
    '/dev/null',
    ...lines,
  ];
  await execa('unshare', argv);
}
