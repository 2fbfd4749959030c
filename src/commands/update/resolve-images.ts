import { type Prepared, prepareImages } from '../../apt/archive/prepare.ts';
import { recordOf } from '../../apt/provenance/record-provenance.ts';
import { refuseRollbacks, rollbacks, rollbackText } from '../../apt/provenance/rollback.ts';
import { heldPackages, type Resolution, type ResolveOptions, resolvePrepared } from '../../apt/resolve.ts';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { inStage, type Stage } from '../../progress/progress.ts';
import type { Context } from '../verb.ts';
import type { Before } from './before.ts';
import { noteAfter, noteBefore } from './notes.ts';

/** What of an update's flags decides which archives are taken. */
export interface ArchiveFlags {
  without: readonly string[];
  allowExpired: readonly string[];
  allowRollback: readonly string[];
}

/** An image with what an update is to write. */
export interface Resolved {
  before: Before;
  resolution: Resolution;
  /** Text of the record beside the lockfile; null: it stays as it is. */
  record: string | null;
}

/** Resolves the images that are to change, from indexes that are fetched once for all. Writes nothing. */
export async function resolveAll(
  context: Context,
  befores: readonly Before[],
  flags: ArchiveFlags & { now: Date },
): Promise<Resolved[]> {
  for (const { image } of befores) noteBefore(context.progress, image, flags.without, flags.now);
  for (const suite of flags.allowExpired) {
    context.progress.note(`the suite ${suite} may be past its day, as told: what was fixed since may be missing`);
  }
  const moving = befores.filter(({ asItIs }) => asItIs === undefined);
  const options = await resolveOptions(context, flags);
  const prepared = await fetchInStage(context, moving, options);
  const resolved: Resolved[] = [];
  for (const before of befores) {
    const at = moving.indexOf(before);
    resolved.push(at === -1 ? asItIs(before) : await resolveOne(context, before, prepared[at]!, { ...flags, options }));
    noteAfter(context.progress, before.image, resolved.at(-1)!.resolution);
  }
  return resolved;
}

function asItIs(before: Before): Resolved {
  return { before, resolution: before.asItIs!, record: null };
}

async function resolveOptions(
  context: Context,
  { without, allowExpired, now }: ArchiveFlags & { now: Date },
): Promise<ResolveOptions> {
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  return { toolbox, workspace, without, allowExpired, signal: context.signal, now };
}

async function fetchInStage(context: Context, befores: readonly Before[], options: ResolveOptions) {
  if (befores.length === 0) return [];
  const held = (image: ImageConfig) => {
    const { packages: locked, only } = befores.find((before) => before.image.name === image.name)!;
    return heldPackages(image, { locked, only });
  };
  const images = befores.map(({ image }) => image);
  const work = (stage: Stage) => prepareImages(images, { ...options, held, stage });
  return inStage(context.progress, 'fetch indexes', work, {
    summary: (prepared) => {
      const count = new Set(prepared.flatMap(({ root }) => root.sources.map(({ base, suite }) => `${base} ${suite}`)));
      return `${count.size} suites`;
    },
  });
}

async function resolveOne(
  { progress }: Context,
  before: Before,
  prepared: Prepared,
  { allowRollback, options }: ArchiveFlags & { options: ResolveOptions },
): Promise<Resolved> {
  const { image, packages: locked, only, recorded } = before;
  const found = rollbacks(prepared.releases, recorded?.provenance ?? null);
  const back = refuseRollbacks(image.name, found, allowRollback);
  for (const each of back) {
    progress.note(`image ${image.name}: ${rollbackText(each)}, as told: holes closed in between may be open again`);
  }
  const origins = recorded?.provenance.origins;
  const work = (stage: Stage) => resolvePrepared(prepared, image, { ...options, locked, origins, only, stage });
  const resolution = await inStage(progress, `resolve ${image.name}`, work, {
    unit: 'packages',
    summary: ({ packages }) => `${packages.length} packages`,
  });
  const record = recordOf(resolution, recorded, { anew: back.length > 0 });
  return { before, resolution, record: record === recorded?.text ? null : record };
}

/** A suite that no image has is a slip of the pen; an image without any suite is one too. */
export function refuseSuites(flags: ArchiveFlags, images: readonly ImageConfig[]): void {
  const own = new Set(images.flatMap((image) => image.suites));
  const all = new Set([...own, ...images.flatMap((image) => image.sources.flatMap(({ suites }) => suites))]);
  const unknown = (flag: string, suites: readonly string[], known: ReadonlySet<string>) => {
    const wrong = suites.find((suite) => !known.has(suite));
    if (wrong !== undefined) throw new LockstepError('E_USAGE', `${flag}: no image has the suite ${wrong}`);
  };
  unknown('--without-suite', flags.without, own);
  unknown('--allow-expired', flags.allowExpired, all);
  unknown('--allow-suite-rollback', flags.allowRollback, all);
  const bare = images.find((image) => image.suites.every((suite) => flags.without.includes(suite)));
  if (bare !== undefined) throw new LockstepError('E_USAGE', `--without-suite leaves image ${bare.name} no suite`);
}
