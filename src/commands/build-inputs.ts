import { Option } from 'commander';
import { type Lockfile, readLockfile } from '../apt/lockfile/lockfile.ts';
import { imageVersion } from '../config/image-schema.ts';
import type { ImageConfig } from '../config/types.ts';
import { type EmulationWish, emulationWishes } from '../emulation/emulation.ts';
import { LockstepError } from '../errors/index.ts';
import type { BuildInputs } from '../image/build.ts';
import { sourceRevision } from '../image/revision.ts';
import type { Context } from './verb.ts';

/** The flags that every build takes. */
export interface BuildFlags {
  imageVersion?: string;
  /** `--no-sign` makes it false. */
  sign?: boolean;
  emulation?: EmulationWish;
  /** In seconds. */
  scriptTimeout?: number;
}

/** An image takes seconds or some minutes; a script that waits for what never comes must not hold a node all night. */
const usualTimeout = 60 * 60;

/** `--script-timeout`, which decides whether a build fails and not what it makes. */
export function scriptTimeoutOption(): Option {
  const text = 'how long the maintainer scripts, or the scripts of one point of `run:`, may take together';
  return new Option('--script-timeout <seconds>', text).argParser(positive).default(usualTimeout);
}

function positive(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new LockstepError('E_USAGE', `--script-timeout ${text}: expected a number of seconds above 0`);
}

/** `--emulation`, which changes how long a build takes and nothing else. */
export function emulationOption(): Option {
  const text = 'how programs of a foreign architecture are run; plain: each one in qemu';
  return new Option('--emulation <way>', text).choices(emulationWishes).default('auto');
}

/** Everything that the builds of some images start from, but the archive. */
export type KnownInputs = Omit<BuildInputs, 'archive'>;

/**
 * Reads what the chosen images are made from. Lockfiles first: a stale one is found before an hour of building the others.
 * Throws E_USAGE for a bad version, E_LOCK_*.
 */
export async function buildInputs(context: Context, flags: BuildFlags): Promise<KnownInputs[]> {
  refuseVersion(flags.imageVersion);
  const images = await context.images();
  const locked = await Promise.all(images.map(async (image) => ({ image, lockfile: await readLockfile(image) })));
  return Promise.all(locked.map(({ image, lockfile }) => inputsOf(context, image, lockfile, flags)));
}

function refuseVersion(version: string | undefined): void {
  const checked = imageVersion.optional().safeParse(version);
  if (checked.success) return;
  throw new LockstepError('E_USAGE', `--image-version ${version}: ${checked.error.issues[0]?.message}`);
}

/** What the build of an image from a lockfile starts from, which need not be the image's own. */
export async function inputsOf(
  context: Context,
  image: ImageConfig,
  lockfile: Lockfile,
  { imageVersion: wanted, sign = true, emulation = 'auto', scriptTimeout = usualTimeout }: BuildFlags,
): Promise<KnownInputs> {
  const { file, root, signing: config, cache } = await context.config();
  const { environment } = context;
  const revision = await sourceRevision(file, image, config?.remote == null ? [] : [config.publicKey]);
  return {
    image,
    lockfile,
    version: wanted ?? image.version ?? lockfile.digest.slice(0, 12),
    revision,
    signing: config === null ? null : { config, root, environment, make: sign },
    cache,
    emulation,
    scriptLimitMs: scriptTimeout * 1000,
  };
}
