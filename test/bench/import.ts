import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import type { LockedDeb } from '../../src/deb/package.ts';
import { report, timed } from './compare.ts';

export interface DebSet {
  /** A project whose only image, `panel`, has a lockfile. */
  dir: string;
  /** What that lockfile was resolved from. */
  packages: readonly string[];
}

/**
 * The import of a lockfile's debs, from files of this machine, beside `dpkg-deb -x` of the same files, two at a time. One run of
 * each in turn, so that both have their share of what else the machine does. An import waits for the disk at its end, dpkg-deb
 * does not: both ways are told. Downloads are in neither: apt's is told apart.
 */
export async function benchImport({ dir, packages }: DebSet): Promise<void> {
  const debs = path.join(dir, 'debs');
  const [download] = await timed(1, () => downloadDebs(dir, packages, debs));
  const locked = await lockedIn(dir, debs);
  const list = path.join(dir, 'debs.json');
  await writeFile(list, JSON.stringify(locked));
  const megabytes = locked.reduce((sum, { size }) => sum + size, 0) / 1e6;
  console.log(`${locked.length} debs, ${megabytes.toFixed(1)} MB; apt downloads them in ${download?.toFixed(2)} s`);
  const ours: Imported[] = [];
  const theirs: number[] = [];
  const settled: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    ours.push(await importDebs(await freshPlace(dir), list));
    const target = await freshPlace(dir);
    const [extracting = 0] = await timed(1, () => extract(debs, target));
    const [syncing = 0] = await timed(1, async () => void (await execa('sync', ['--file-system', target])));
    theirs.push(extracting);
    settled.push(extracting + syncing);
  }
  report('import', secondsOf(ours), 'dpkg-deb -x, two at a time', theirs);
  report('import', secondsOf(ours), 'the same until it is on the disk', settled);
  console.log(`memory of the import: ${Math.max(...ours.map(({ memoryMiB }) => memoryMiB)).toFixed(0)} MiB at most`);
}

/** The lockfile's debs, each with the path that apt gave it. */
async function lockedIn(dir: string, debs: string): Promise<LockedDeb[]> {
  const lockfile = path.join(dir, 'panel.lock');
  const { packages } = parseLockfile(await readFile(lockfile, 'utf8'), lockfile);
  return packages.map(({ package: name, version, architecture, size, sha256 }) => {
    const filename = path.join(debs, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`);
    return { package: name, version, architecture, size, sha256, filename };
  });
}

interface Imported {
  seconds: number;
  memoryMiB: number;
}

const secondsOf = (runs: readonly Imported[]) => runs.map(({ seconds }) => seconds);

/** In a process of its own, whose start is not counted: in a build it has started long ago. */
async function importDebs(...args: string[]): Promise<Imported> {
  const program = path.join(import.meta.dirname, 'import-debs.ts');
  return JSON.parse((await execa('node', ['--import', 'tsx', program, ...args])).stdout) as Imported;
}

async function extract(debs: string, target: string): Promise<void> {
  await execa('sh', ['-euc', 'ls | grep "[.]deb$" | xargs -P 2 -I{} dpkg-deb -x {} "$1"/{}', 'sh', target], {
    cwd: debs,
  });
}

/** Nothing is removed before the end: ext4 is slow to make files after many were removed. */
async function freshPlace(dir: string): Promise<string> {
  const place = await mkdtemp(path.join(dir, 'run-'));
  await execa('sync');
  return place;
}

async function downloadDebs(dir: string, packages: readonly string[], target: string): Promise<void> {
  const config = path.join(dir, '.lockstep/apt/panel/apt.conf');
  const options = ['-q', '-y', '--download-only', '-o', `Dir::Cache::archives=${target}`, 'install'];
  await mkdir(path.join(target, 'partial'), { recursive: true });
  await execa('apt-get', [...options, '?essential', ...packages], { env: { APT_CONFIG: config } });
  if ((await readdir(target)).length < 10) throw new Error(`apt put no debs into ${target}`);
}
