import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { LockstepError } from '../errors/index.ts';
import { planImage } from '../image/build.ts';
import { assertCertain, findGarbage, type Garbage, removeGarbage } from '../image/collect/collect.ts';
import { kindOf, type RefKind } from '../image/collect/needed.ts';
import { nativeToolsRef } from '../image/native-tools.ts';
import { formatBytes } from '../progress/format.ts';
import { silent } from '../progress/progress.ts';
import { inputsOf } from './build-inputs.ts';
import { type KeptLockfiles, keptLockfiles } from './kept-lockfiles.ts';
import { type Context, ok, unchanged, type Verb } from './verb.ts';

interface GcOptions {
  keepRev?: string[];
  keepCommits?: number;
  dryRun?: boolean;
  image?: string[];
}

/** Enough to go back to what devices ran before, and before that. */
const usualCommits = 3;

/** `lockstep gc`: removes from `.lockstep` what neither lockfiles that are wanted nor the last commits need. */
export const gc: Verb<GcOptions> = {
  name: 'gc',
  summary: 'remove debs and commits that no lockfile needs any more',
  declare: (command: Command) =>
    void command
      .option(
        '--keep-rev <revision>',
        'keep what the lockfiles of this git revision pin, beside the work tree’s; may be repeated (default: HEAD)',
        (value: string, before: string[] = []) => [...before, value],
      )
      .option(
        '--keep-commits <n>',
        'keep the last commits of each image, and the debs of its lockfile’s last states in git',
        count,
        usualCommits,
      )
      .option('--dry-run', 'tell what would be removed, and remove nothing'),
  async run(context, { keepRev, keepCommits = usualCommits, dryRun = false, image }) {
    if (image !== undefined) {
      throw new LockstepError('E_USAGE', '--image has no meaning here: images share debs', {
        hint: 'leave it out; what the images of lockstep.yml need is kept',
      });
    }
    const { images } = await context.config();
    const place = { workspace: await context.workspace(), toolbox: await context.toolbox() };
    const lockfiles = await keptLockfiles(context, { revisions: keepRev, states: keepCommits });
    await assertCertain(place.workspace);
    const garbage = await findGarbage(place, {
      debs: lockfiles.debs,
      stages: await stagesOf(context, lockfiles),
      images: images.map(({ name }) => name),
      commits: keepCommits,
      overlays: images.some(({ overlay }) => overlay.some((layer) => 'ref' in layer)),
    });
    if (!dryRun) await removeGarbage(place, garbage);
    const removed = countsOf(garbage);
    const kept = { debs: lockfiles.debs.size, lockfiles: lockfiles.from, commits: keepCommits };
    const fields = { dryRun, bytes: garbage.bytes, removed, kept };
    const nothing = Object.values(removed).every((each) => each === 0);
    if (nothing) return unchanged(`nothing to remove; ${keptText(kept)}`, fields);
    const verb = dryRun ? 'would free' : 'freed';
    return ok(`${verb} ${formatBytes(garbage.bytes)}: ${removedText(removed)}\n${keptText(kept)}`, fields);
  },
};

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number, 1 or more: the commit that an image’s ref names always stays');
}

/** The refs that builds of these lockfiles would use, as lockstep.yml is now. */
async function stagesOf(context: Context, { builds }: KeptLockfiles): Promise<Set<string>> {
  const [workspace, toolbox] = [await context.workspace(), await context.toolbox()];
  if (!existsSync(workspace.repo)) return new Set();
  // Apart from where builds work: what a dead one left there is to be counted.
  const work = path.join(workspace.work, 'gc');
  const { signal } = context;
  const services = { workspace: { ...workspace, work }, toolbox, progress: silent, signal };
  const stages = new Set<string>();
  try {
    for (const { image, lockfile } of builds) {
      const planned = await planImage(await inputsOf(context, image, lockfile, {}), services);
      for (const { ref } of planned) stages.add(ref);
      stages.add(nativeToolsRef(image, lockfile));
    }
  } finally {
    await toolbox.run(['rm', '-rf', '--one-file-system', work]).catch(() => {});
  }
  return stages;
}

interface Counts {
  debs: number;
  stages: number;
  objects: number;
  leftovers: number;
}

function countsOf({ refs, objects, leftovers }: Garbage): Counts {
  const of = (kind: RefKind) => refs.filter((ref) => kindOf(ref) === kind);
  const debs = new Set(of('deb').map(({ path }) => path.slice(path.lastIndexOf('/') + 1))).size;
  const stages = of('stage').length + of('observation').length;
  return { debs, stages, objects: objects.count, leftovers: leftovers.length };
}

function removedText({ debs, stages, objects, leftovers }: Counts): string {
  const parts = [`${debs} debs`, `${stages} results of stages`, `${objects} objects`, `${leftovers} leftovers`];
  return parts.filter((part) => !part.startsWith('0 ')).join(', ');
}

function keptText({ debs, lockfiles, commits }: { debs: number; lockfiles: string[]; commits: number }): string {
  const last = commits === 1 ? 'the last commit' : `the last ${commits} commits`;
  return `kept: ${debs} debs of the lockfiles of ${lockfiles.join(', ')}; ${last} of each image`;
}
