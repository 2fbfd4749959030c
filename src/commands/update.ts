import type { Command } from 'commander';
import { changesBetween, formatChange, type PackageChange } from '../apt/diff.ts';
import { type LockedPackage, loadLockfile, writeLockfile } from '../apt/lockfile.ts';
import { type Resolution, resolveImage } from '../apt/resolve.ts';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { inStage } from '../progress/progress.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';

interface UpdateOptions {
  check?: boolean;
  withoutSuite?: string[];
}

/** An entry of the outcome's `images`. */
export interface UpdatedImage {
  name: string;
  /** Absolute path. */
  lockfile: string;
  changes: PackageChange[];
  /** How many packages it now pins. */
  packages: number;
  /** Whether the bytes differ: they may without a change of packages, as when an archive edits a description. */
  changed: boolean;
}

export const update: Verb<UpdateOptions> = {
  name: 'update',
  summary: 'resolve the packages of the images anew and write their lockfiles',
  declare: (command: Command) =>
    void command
      .option('--check', 'write nothing; fail when a lockfile is not what the archive now gives')
      .option('--without-suite <suite>', 'leave this suite out, and say so in the lockfile; may be repeated', collect),
  run: runUpdate,
  print: (outcome) => printed(outcome.images as UpdatedImage[], outcome.message),
};

/** All images are resolved before the first lockfile is written: a failure leaves every one as it was. */
async function runUpdate(context: Context, options: UpdateOptions): Promise<Outcome> {
  const without = options.withoutSuite ?? [];
  refuseSuites(without, await context.images());
  const resolved: { image: ImageConfig; before: Before; resolution: Resolution }[] = [];
  for (const image of await context.images()) {
    warn(context, image, without);
    const before = await lockfileBefore(context, image);
    resolved.push({ image, before, resolution: await resolveInStage(context, image, without) });
  }
  const images = resolved.map(({ image, before, resolution }) => describe(image, before, resolution));
  const changed = images.filter((image) => image.changed);
  if (changed.length === 0)
    return unchanged('nothing changed: every lockfile is what the archive now gives', { images });
  const names = changed.map((image) => image.name).join(', ');
  if (options.check === true) {
    const message = `out of date: ${names}`;
    return { outcome: 'failed', code: 'E_LOCK_OUTDATED', message, hint: 'run `lockstep update`', images };
  }
  for (const { image, resolution } of resolved) await writeLockfile(image.lockfile, resolution.text);
  return ok(`updated: ${names}`, { images });
}

async function resolveInStage(context: Context, image: ImageConfig, without: string[]): Promise<Resolution> {
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const work = (stage: Parameters<Parameters<typeof inStage>[2]>[0]) =>
    resolveImage(image, { toolbox, workspace, without, stage });
  return inStage(context.progress, `resolve ${image.name}`, work, {
    unit: 'packages',
    summary: ({ packages }) => `${packages.length} packages`,
  });
}

interface Before {
  text: string | null;
  packages: LockedPackage[];
}

/** A lockfile that cannot be read is made anew: an unfinished merge of two updates is settled by a third. */
async function lockfileBefore(context: Context, image: ImageConfig): Promise<Before> {
  try {
    return await loadLockfile(image.lockfile);
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    if (error.code === 'E_LOCK_SYNTAX') context.progress.note(`made anew, as it cannot be read: ${error.message}`);
    return { text: null, packages: [] };
  }
}

function describe(image: ImageConfig, before: Before, resolution: Resolution): UpdatedImage {
  return {
    name: image.name,
    lockfile: image.lockfile,
    changes: changesBetween(before.packages, resolution.packages),
    packages: resolution.packages.length,
    changed: before.text !== resolution.text,
  };
}

/** A suite that no image has is a slip of the pen; an image without any suite is one too. */
function refuseSuites(without: readonly string[], images: readonly ImageConfig[]): void {
  const unknown = without.find((suite) => !images.some((image) => image.suites.includes(suite)));
  if (unknown !== undefined) throw new LockstepError('E_USAGE', `--without-suite: no image has the suite ${unknown}`);
  const bare = images.find((image) => image.suites.every((suite) => without.includes(suite)));
  if (bare !== undefined) throw new LockstepError('E_USAGE', `--without-suite leaves image ${bare.name} no suite`);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function warn(context: Context, image: ImageConfig, without: readonly string[]): void {
  for (const suite of image.suites.filter((candidate) => without.includes(candidate))) {
    context.progress.note(`image ${image.name}: without ${suite}, as told; update again when the mirror serves it`);
  }
  const stable = image.suites.some((suite) => image.suites.includes(`${suite}-updates`));
  if (stable && !image.suites.some((suite) => suite.endsWith('-security'))) {
    context.progress.note(`image ${image.name} lists no -security suite: it gets no security updates`);
  }
  const today = new Date().toISOString().slice(0, 10);
  for (const pin of image.pins.filter(({ expires }) => expires !== null && expires < today)) {
    context.progress.note(`image ${image.name}: the pin of ${pin.package} expired on ${pin.expires}: ${pin.reason}`);
  }
}

function printed(images: readonly UpdatedImage[], message: string): string {
  const lines = images
    .filter((image) => image.changed)
    .flatMap(({ name, changes, packages }) => {
      if (isNew(changes, packages)) return [`${name}: ${packages} packages, all new`];
      const lines = changes.map((change) => `  ${formatChange(change)}`);
      return [`${name}: ${packages} packages, ${changes.length} changed`, ...lines];
    });
  return [...lines, message].join('\n');
}

/** A first lockfile is as long as its list of changes: the count says as much. */
function isNew(changes: readonly PackageChange[], packages: number): boolean {
  return changes.length === packages && changes.every(({ kind }) => kind === 'added');
}
