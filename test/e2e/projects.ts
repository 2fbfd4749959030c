import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { lockstep, lockstepOk, projectRoot } from './lockstep.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** Directories of this test process, each removed at its end. */
const directories: string[] = [];

after(async function removeProjects() {
  this.timeout(120_000);
  await Promise.all(directories.map((dir) => rm(dir, { recursive: true, force: true })));
});

/** An empty directory that is gone after the tests. */
export async function temporaryDirectory(name: string): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), `lockstep-${name}-`));
  directories.push(dir);
  return dir;
}

/** A project with the given lockstep.yml. */
export async function projectWith(name: string, yaml: string): Promise<string> {
  const dir = await temporaryDirectory(name);
  await writeFile(path.join(dir, 'lockstep.yml'), yaml);
  return dir;
}

/**
 * Resolves a project. A mirror in the middle of an update serves a suite whose indexes do not match its signed list:
 * lockstep refuses it, and the tests, which cannot wait for the mirror, go on without that suite and say so.
 */
export async function resolve(dir: string, ...flags: string[]): Promise<string[]> {
  const without: string[] = [];
  for (;;) {
    const left = without.flatMap((suite) => ['--without-suite', suite]);
    const { exitCode, outcome, stderr } = await lockstep(dir, ['update', ...flags, ...left]);
    if (exitCode === 0) return without;
    const suite = /\/dists\/([^/\s]+)\//.exec(outcome.message)?.[1];
    if (outcome.code !== 'E_APT_INCONSISTENT' || suite === undefined || without.includes(suite))
      throw new Error(stderr);
    console.error(`      the mirror's ${suite} does not match its signed list now: resolved without it`);
    without.push(suite);
  }
}

export interface BuiltProject {
  dir: string;
  commit: string;
  /** Suites that the mirror could not serve. */
  without: string[];
}

let panel: Promise<BuiltProject> | undefined;

/**
 * The example of the project, built by the host toolbox, once for all test files of a run. Several read it at the same
 * time: who wants to write there takes a copy (`linkedCopy`).
 */
export function builtPanel(): Promise<BuiltProject> {
  panel ??= sharedPanel();
  return panel;
}

/** LOCKSTEP_TEST_SHARED is where the processes of a run have what they share. */
async function sharedPanel(): Promise<BuiltProject> {
  const shared = process.env.LOCKSTEP_TEST_SHARED;
  if (shared === undefined) return buildPanel(await temporaryDirectory('panel'));
  const note = path.join(shared, 'panel.json');
  return oneAtATime(path.join(shared, 'panel.lock'), async () => {
    const text = await readFile(note, 'utf8').catch(() => null);
    if (text !== null) return JSON.parse(text) as BuiltProject;
    const dir = path.join(shared, 'panel');
    await mkdir(dir, { recursive: true });
    const built = await buildPanel(dir);
    await writeFile(`${note}.new`, JSON.stringify(built));
    await rename(`${note}.new`, note);
    return built;
  });
}

/** LOCKSTEP_TEST_PANEL names a directory that keeps the built example from one run to the next, for work on the tests. */
async function buildPanel(fresh: string): Promise<BuiltProject> {
  const dir = process.env.LOCKSTEP_TEST_PANEL ?? fresh;
  await copyExample(dir);
  const without = await resolve(dir, '--toolbox', 'host');
  const { images } = await lockstepOk(dir, ['build', '--toolbox', 'host']);
  return { dir, commit: (images as { commit: string }[])[0]?.commit ?? '', without };
}

/** A repository with a bootable panel/armhf: one that is named, to save time when working on devices, else the example's. */
export async function bootableRepo(): Promise<string> {
  return process.env.LOCKSTEP_TEST_REPO ?? path.join((await builtPanel()).dir, '.lockstep/repo');
}

/** The example as a clone has it: no lockfile, nothing built. */
async function copyExample(dir: string): Promise<void> {
  await cp(path.join(projectRoot, 'examples/panel'), dir, {
    recursive: true,
    filter: (source) => !/\.lockstep(\/|$)|\.lock$/.test(path.relative(projectRoot, source)),
  });
}

export async function ostree(dir: string, ...args: string[]): Promise<string> {
  return (await execa('ostree', [`--repo=${dir}/.lockstep/repo`, ...args])).stdout;
}
