import { readLockfile } from '../apt/lockfile.ts';
import { archiveOf } from '../apt/sources.ts';
import { imageVersion } from '../config/image-schema.ts';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { type BuiltImage, buildImage } from '../image/build.ts';
import { sourceRevision } from '../image/revision.ts';
import { assertRuns } from '../toolbox/binfmt.ts';
import { type Context, ok, unchanged, type Verb } from './verb.ts';

interface BuildOptions {
  imageVersion?: string;
  /** `--no-sign` makes it false. */
  sign?: boolean;
}

/** `lockstep build`: the commit of each image, from its lockfile. */
export const build: Verb<BuildOptions> = {
  name: 'build',
  summary: 'build the ostree commits that the lockfiles pin',
  declare: (command) =>
    void command
      .option('--image-version <version>', 'version written into the commit, instead of the one in lockstep.yml')
      .option('--no-sign', 'leave the commits unsigned, although lockstep.yml has `signing:`'),
  async run(context, options) {
    refuseVersion(options.imageVersion);
    const images: BuiltImage[] = [];
    // Lockfiles first: a stale one is found before an hour of building the others.
    const locked = await Promise.all(
      (await context.images()).map(async (image) => ({ image, lockfile: await readLockfile(image) })),
    );
    for (const { image, lockfile } of locked) {
      for (const suite of lockfile.inputs?.without ?? []) {
        context.progress.note(`image ${image.name}: its lockfile was resolved without ${suite}`);
      }
      const version = options.imageVersion ?? image.version ?? lockfile.digest.slice(0, 12);
      images.push(await buildOne(context, image, lockfile, { version, sign: options.sign ?? true }));
    }
    const lines = images.map(
      ({ ref, commit, version, changed }) => `${ref} ${commit} (${version})${changed ? '' : ', unchanged'}`,
    );
    return images.some(({ changed }) => changed)
      ? ok(lines.join('\n'), { images })
      : unchanged(lines.join('\n'), { images });
  },
};

function refuseVersion(version: string | undefined): void {
  const checked = imageVersion.optional().safeParse(version);
  if (checked.success) return;
  throw new LockstepError('E_USAGE', `--image-version ${version}: ${checked.error.issues[0]?.message}`);
}

async function buildOne(
  context: Context,
  image: ImageConfig,
  lockfile: Awaited<ReturnType<typeof readLockfile>>,
  { version, sign }: { version: string; sign: boolean },
): Promise<BuiltImage> {
  const { file, root, signing: config } = await context.config();
  const workspace = await context.workspace();
  const toolbox = await context.toolbox();
  const { progress, signal, environment } = context;
  await assertRuns(toolbox, image.arch);
  const archive = await archiveOf(toolbox, image, environment);
  const revision = await sourceRevision(file, image, config?.remote == null ? [] : [config.publicKey]);
  const signing = config === null ? null : { config, root, environment, make: sign };
  return buildImage({ image, lockfile, archive, version, revision, signing }, { workspace, toolbox, progress, signal });
}
