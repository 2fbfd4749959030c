import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { StageReport } from '../../src/image/stage.ts';
import { agent } from './lockstep.ts';
import { type BuiltProject, temporaryDirectory } from './projects.ts';

/**
 * The built example in a directory of its own, as imported as it is there and with nothing made of it: the stages have
 * to be done again. Users and groups have no numbers yet.
 */
export async function importedCopy({ dir }: BuiltProject, name: string): Promise<string> {
  const copy = path.join(await temporaryDirectory('copy'), name);
  await mkdir(`${copy}/.lockstep`, { recursive: true });
  for (const part of ['lockstep.yml', 'panel.lock']) await cp(`${dir}/${part}`, `${copy}/${part}`);
  // Modes as a clone under a strict umask has them.
  await execa('cp', ['-r', '--no-preserve=all', `${dir}/overlay`, `${dir}/tests`, copy]);
  await execa('chmod', ['-R', 'go=', `${copy}/overlay`]);
  await linkRepo(dir, copy);
  await forgetStages(`${copy}/.lockstep/repo`);
  return copy;
}

/** The built example in a directory of its own, all that was built included: a project that its test may write to. */
export async function linkedCopy({ dir }: BuiltProject, name: string): Promise<string> {
  const copy = await temporaryDirectory(name);
  for (const part of await readdir(dir)) {
    if (part !== '.lockstep') await cp(path.join(dir, part), path.join(copy, part), { recursive: true });
  }
  await mkdir(`${copy}/.lockstep`);
  await execa('cp', ['-al', `${dir}/.lockstep/apt`, `${copy}/.lockstep`]);
  await linkRepo(dir, copy);
  return copy;
}

/** Gives a project, which has none, the repository of another. Links are enough: ostree never writes into what is there. */
export async function linkRepo(from: string, to: string): Promise<void> {
  await execa('cp', ['-al', `${from}/.lockstep/repo`, `${to}/.lockstep/repo`]);
  // But for the file that it locks, which the copies would have in common.
  await rm(`${to}/.lockstep/repo/.lock`, { force: true });
}

/** Removes all refs but those of debs and of native tools. */
async function forgetStages(repo: string): Promise<void> {
  const { stdout } = await execa('ostree', ['refs', `--repo=${repo}`]);
  for (const ref of stdout.split('\n').filter((name) => !/^(dpkg|lockstep\/native)\//.test(name))) {
    await execa('ostree', ['refs', `--repo=${repo}`, '--delete', ref]);
  }
}

const runs = '    run: {configured: [script]}\n';

/** Adds a script, or puts it in the place of the last one, to the image `panel` of a project, which runs inside when its packages are configured. */
export async function addScript(dir: string, text: string): Promise<void> {
  await writeFile(`${dir}/script`, text, { mode: 0o755 });
  const yaml = await readFile(`${dir}/lockstep.yml`, 'utf8');
  if (yaml.includes(runs)) return;
  const added = yaml.replace(/^ {4}overlay:/m, `${runs}$&`);
  if (added === yaml) throw new Error('the example has no overlay any more');
  await writeFile(`${dir}/lockstep.yml`, added);
}

/** Who builds, and where: all that must not matter. */
export interface Builder {
  hostname: string;
  umask: string;
  env: Record<string, string>;
}

export interface Built {
  commit: string;
  /** Stages that were done, not found done. */
  made: string[];
  log: string;
}

/** `lockstep build` as that builder runs it. */
export async function buildAs(builder: Builder, dir: string, ...args: string[]): Promise<Built> {
  const script = 'hostname "$1" && umask "$2" && shift 2 && exec "$@"';
  const asBuilder = ['--uts', 'sh', '-c', script, 'sh', builder.hostname, builder.umask];
  const command = ['node', agent, 'build', '-C', dir, '--json', ...args];
  const { exitCode, stdout, stderr } = await execa('unshare', [...asBuilder, ...command], {
    env: builder.env,
    reject: false,
    stdin: 'ignore',
    timeout: 15 * 60_000,
  });
  if (exitCode !== 0) throw new Error(`lockstep build ${args.join(' ')} ended with ${exitCode}:\n${stderr}`);
  const [image] = (JSON.parse(stdout) as { images: { commit: string; stages: StageReport[] }[] }).images;
  const made = (image?.stages ?? []).filter(({ cached }) => !cached).map(({ name }) => name);
  return { commit: image?.commit ?? '', made, log: stderr };
}
