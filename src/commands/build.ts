import { type Command, Option } from 'commander';
import { archiveOf } from '../apt/archive/sources.ts';
import { LockstepError } from '../errors/index.ts';
import { type BuildServices, type BuiltImage, buildImage, buildUntil, type Stop, stops } from '../image/build.ts';
import { planDigest } from '../image/ninja/plan.ts';
import { type SbomFiles, writeSboms } from '../sbom/write.ts';
import {
  type BuildFlags,
  buildInputs,
  emulationOption,
  type KnownInputs,
  scriptTimeoutOption,
} from './build-inputs.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';

interface BuildOptions extends BuildFlags {
  until?: Stop;
  plan?: string;
}

/** `lockstep build`: the commit of each image, from its lockfile. */
export const build: Verb<BuildOptions> = {
  name: 'build',
  summary: 'build the ostree commits that the lockfiles pin',
  declare: (command: Command) =>
    void command
      .option('--image-version <version>', 'version written into the commit, instead of the one in lockstep.yml')
      .option('--no-sign', 'leave the commits unsigned, although lockstep.yml has `signing:`')
      .addOption(emulationOption())
      .addOption(scriptTimeoutOption())
      .addOption(new Option('--until <stage>', 'stop at the end of a stage').choices(stops))
      .addOption(new Option('--plan <digest>', 'what `lockstep ninja` took the stage for').hideHelp()),
  async run(context, options) {
    const all = await buildInputs(context, options);
    for (const { image, lockfile } of all) {
      for (const suite of lockfile.inputs?.without ?? []) {
        context.progress.note(`image ${image.name}: its lockfile was resolved without ${suite}`);
      }
    }
    for (const inputs of all) await refuseOtherPlan(context, inputs, options);
    return options.until === undefined ? buildWhole(context, all) : buildPart(context, all, options.until);
  },
};

/** Throws E_PLAN when a build system was told of another build than the one that would be made now. */
async function refuseOtherPlan(context: Context, inputs: KnownInputs, { plan, until }: BuildOptions): Promise<void> {
  if (plan === undefined || plan === (await planDigest(inputs, await servicesOf(context), until))) return;
  const message = `image ${inputs.image.name}: what it is made from has changed since the build file was written`;
  throw new LockstepError('E_PLAN', message, { hint: 'run `lockstep ninja` again' });
}

async function buildWhole(context: Context, all: readonly KnownInputs[]): Promise<Outcome> {
  const images: (BuiltImage & { sbom: SbomFiles })[] = [];
  for (const inputs of all) {
    const built = await withArchive(context, inputs, buildImage);
    const services = { ...(await servicesOf(context)), environment: context.environment };
    images.push({ ...built, sbom: await writeSboms(inputs, built, services) });
  }
  const lines = images.map(
    ({ ref, commit, version, changed }) => `${ref} ${commit} (${version})${changed ? '' : ', unchanged'}`,
  );
  const said = lines.join('\n');
  return images.some(({ changed }) => changed) ? ok(said, { images }) : unchanged(said, { images });
}

async function buildPart(context: Context, all: readonly KnownInputs[], until: Stop): Promise<Outcome> {
  const images = [];
  for (const inputs of all) {
    images.push(await withArchive(context, inputs, (whole, services) => buildUntil(until, whole, services)));
  }
  const lines = images.map(({ name, ref }) => `${name}: ${until} done${ref === null ? '' : `, ${ref}`}`);
  const said = lines.join('\n');
  const cached = images.every(({ stages }) => stages.every((stage) => stage.cached));
  return cached ? unchanged(said, { images }) : ok(said, { images });
}

async function withArchive<T>(
  context: Context,
  inputs: KnownInputs,
  work: (inputs: Parameters<typeof buildImage>[0], services: BuildServices) => Promise<T>,
): Promise<T> {
  const services = await servicesOf(context);
  const archive = () => archiveOf(services.toolbox, inputs.image, context.environment);
  return work({ ...inputs, archive }, services);
}

async function servicesOf(context: Context): Promise<BuildServices> {
  const { progress, signal } = context;
  return { workspace: await context.workspace(), toolbox: await context.toolbox(), progress, signal };
}
