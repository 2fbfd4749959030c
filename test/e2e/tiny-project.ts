import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { inputsOf } from '../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile } from '../../src/apt/lockfile/lockfile.ts';
import type { Outcome } from '../../src/commands/verb.ts';
import { loadConfig } from '../../src/config/load.ts';
import { locked } from '../apt/samples.ts';
import { type MadeDeb, makeDeb } from '../deb/debs.ts';
import { projectRoot } from './lockstep.ts';
import { projectWith } from './projects.ts';

/** Debs `<prefix>0`, `<prefix>1`, … of two files each, the second of about `size` bytes. */
export function tinyDebs(count: number, { size = 1000, prefix = 'tiny' } = {}): Promise<MadeDeb[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const name = `${prefix}${index}`;
      const text = `${name}\n`;
      const files = {
        [`usr/share/${name}/a`]: text,
        [`usr/share/${name}/b`]: text.repeat(Math.ceil(size / text.length)),
      };
      return makeDeb({ name, files });
    }),
  );
}

/** The keys of an image in lockstep.yml beside those that every tiny one has. */
export interface TinyImage {
  mirror: string;
  [key: string]: unknown;
}

/** A project whose one image, `tiny`, is made of these debs; with its lockfile. */
export async function tinyProject(debs: readonly MadeDeb[], image: TinyImage, top: object = {}): Promise<string> {
  const packages = debs.map((deb) => deb.package);
  const tiny = { arch: 'armhf', suites: ['bookworm'], packages, ...image };
  const dir = await projectWith('tiny', JSON.stringify({ images: { tiny }, ...top }));
  await writeLock(dir, debs);
  return dir;
}

/** Pins these debs. */
export async function writeLock(dir: string, debs: readonly MadeDeb[]): Promise<void> {
  const [image] = (await loadConfig(dir)).images;
  if (image === undefined) throw new Error('the project has no image');
  const stanzas = debs.map(({ package: name, version, architecture, filename, size, sha256 }) =>
    locked(name, version, { Architecture: architecture, Filename: filename, Size: String(size), SHA256: sha256 }),
  );
  await writeFile(path.join(dir, 'tiny.lock'), formatLockfile(inputsOf(image), stanzas));
}

export interface TinyAnswer {
  exitCode: number;
  outcome: Outcome;
  stderr: string;
}

export interface TinyHow {
  /** A command to run it by, such as unshare. */
  wrap?: readonly string[];
  env?: Record<string, string>;
  toolbox?: 'host' | 'docker';
}

/** Runs lockstep from its sources. */
export async function lockstepFrom(
  dir: string,
  args: readonly string[],
  { wrap = [], env = {}, toolbox = 'host' }: TinyHow = {},
): Promise<TinyAnswer> {
  const argv = [...wrap, process.execPath, '--import', 'tsx', path.join(projectRoot, 'src/cli.ts'), ...args];
  const [program = '', ...rest] = [...argv, '-C', dir, '--json', '--toolbox', toolbox];
  const { exitCode, stdout, stderr } = await execa(program, rest, {
    cwd: projectRoot,
    reject: false,
    env,
    stdin: 'ignore',
  });
  const outcome = JSON.parse(stdout || 'null') as Outcome | null;
  if (outcome === null) throw new Error(`lockstep ${args.join(' ')} printed no JSON:\n${stderr}`);
  return { exitCode: exitCode ?? -1, outcome, stderr };
}

/** The merged tree of the image. */
export const untilMerge = ['build', '--until', 'merge'];
