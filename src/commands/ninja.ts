import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { LockstepError } from '../errors/index.ts';
import type { BuildServices } from '../image/build.ts';
import { madeFrom } from '../image/ninja/made-from.ts';
import { depfile, firstLine, type NinjaImage, type NinjaPlan, ninjaFile } from '../image/ninja/ninja-file.ts';
import { planSteps } from '../image/ninja/plan.ts';
import { type BuildFlags, buildInputs, type KnownInputs } from './build-inputs.ts';
import { type Context, ok, type Verb } from './verb.ts';

interface NinjaOptions extends BuildFlags {
  from?: string;
  image?: string[];
  toolbox?: string;
}

/** `lockstep ninja`: what `lockstep build` would do, one step after the other, for ninja to do it. */
export const ninja: Verb<NinjaOptions> = {
  name: 'ninja',
  summary: 'write a build.ninja whose targets are the refs of debs, stages and images',
  declare: (command: Command) =>
    void command
      .argument('[file]', 'what to write: build.ninja beside lockstep.yml when not given')
      .option('--from <dir>', 'directory that ninja is started in, when it is not the one of the file')
      .option('--image-version <version>', 'version written into the commits, instead of the one in lockstep.yml')
      .option('--no-sign', 'leave the commits unsigned, although lockstep.yml has `signing:`'),
  async run(context, options, [name = 'build.ninja']) {
    const { file: configFile } = await context.config();
    const file = path.resolve(context.dir, name);
    await refuseTaken(file);
    const services = await servicesOf(context);
    const { repo } = services.workspace;
    const all = await buildInputs(context, options);
    const images = await inTurn(all, (inputs) => imageOf(inputs, services));
    const plan = planOf(context, options, { file, repo, images });
    const inputs = (await inTurn(all, (each) => madeFrom(configFile, each, repo))).flat();
    await write(plan.again.depfile, depfile(plan, [...new Set([...inputs, ...programFiles()])]));
    await write(file, ninjaFile(plan));
    const targets = images.map(({ name: image, steps }) => ({ image, ref: steps.at(-1)?.ref ?? '' }));
    return ok(`wrote ${file}; targets: ${targets.map(({ ref }) => ref).join(', ')}`, { file, targets });
  },
};

async function refuseTaken(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null || text.startsWith(firstLine)) return;
  throw new LockstepError('E_FILE_TAKEN', `${file} is not one that lockstep wrote`, {
    hint: 'write another one, `lockstep ninja lockstep.ninja`, and take it in with `subninja lockstep.ninja`',
  });
}

async function imageOf(inputs: KnownInputs, services: BuildServices): Promise<NinjaImage> {
  const { name, passwd, group } = inputs.image;
  const steps = await planSteps(inputs, services);
  return { name, packages: inputs.lockfile.packages, steps, identities: [passwd, group] };
}

interface Written {
  file: string;
  repo: string;
  images: NinjaImage[];
}

function planOf(context: Context, options: NinjaOptions, { file, repo, images }: Written): NinjaPlan {
  const from = options.from === undefined ? path.dirname(file) : path.resolve(options.from);
  const version = options.imageVersion === undefined ? [] : ['--image-version', options.imageVersion];
  const flags = [...version, ...(options.sign === false ? ['--no-sign'] : [])];
  const toolbox = options.toolbox === undefined ? [] : ['--toolbox', options.toolbox];
  // Flags come before the verb, so that a line of a rule can end with what is its own.
  const argv = [...program(), '-C', `./${path.relative(from, context.dir)}`, '--quiet', ...toolbox];
  const chosen = (options.image ?? []).flatMap((name) => ['--image', name]);
  const told = [path.relative(context.dir, file), '--from', '.', ...chosen, ...flags];
  const again = {
    argv: [...argv, 'ninja', ...told],
    file,
    depfile: path.join(path.dirname(repo), `${path.basename(file)}.d`),
  };
  const id = createHash('sha256').update(context.dir).digest('hex').slice(0, 8);
  return { from, repo, id, argv, flags, again, images };
}

/** The program at work, however it was started. */
function program(): string[] {
  return [process.execPath, ...process.execArgv, ...programFiles()];
}

function programFiles(): string[] {
  return process.argv[1] === undefined ? [] : [process.argv[1]];
}

/** Whole or not at all: ninja may be reading it. */
async function write(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

async function servicesOf(context: Context): Promise<BuildServices> {
  const { progress, signal } = context;
  return { workspace: await context.workspace(), toolbox: await context.toolbox(), progress, signal };
}
