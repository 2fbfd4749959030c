import { LockstepError } from '../../errors/index.ts';
import { compareImages, type ImageContents, type ImageDifference } from '../../image/diff/compare.ts';
import { KnownCommits, type NamedCommit, refCommits } from '../../image/diff/known-commits.ts';
import { readPackageDatabases } from '../../image/diff/package-database.ts';
import { readTree } from '../../ostree/tree.ts';
import { type Context, type Outcome, ok, unchanged } from '../verb.ts';

/** The outcome's fields beside the usual ones. */
export interface ComparedCommits extends ImageDifference {
  a: NamedCommit;
  b: NamedCommit;
}

/** `lockstep diff --images A [B]`: what differs between two commits of the build repository. */
export async function diffImages(context: Context, a?: string, b?: string): Promise<Outcome> {
  const images = await context.images();
  const later = b ?? (images.length === 1 ? images[0]?.name : undefined);
  if (a === undefined || later === undefined) {
    throw new LockstepError('E_USAGE', 'name two commits: diff --images A B', {
      hint: 'each an image, a ref, a checksum or a version; B may be left out where there is one image',
    });
  }
  const [toolbox, { repo }] = [await context.toolbox(), await context.workspace()];
  const known = new KnownCommits(repo, await refCommits(toolbox, repo), images);
  const named = { a: await known.find(a), b: await known.find(later) };
  if (named.a.commit === named.b.commit) {
    return unchanged(`${a} and ${later} are the same commit, ${named.a.commit}`, { ...named, ...nothing });
  }
  const commits = [named.a.commit, named.b.commit];
  const trees = await Promise.all(commits.map((commit) => readTree(toolbox, repo, commit)));
  const databases = await readPackageDatabases(toolbox, repo, trees);
  const [before, after] = trees.map((tree, index) => ({ tree, database: databases[index] })) as ImageContents[];
  const difference = compareImages(before as ImageContents, after as ImageContents);
  return outcomeOf({ ...named, ...difference });
}

const nothing: ImageDifference = {
  packages: [],
  files: [],
  sizes: [],
  privileges: [],
  units: [],
  conffiles: [],
  size: { from: 0, to: 0 },
};

function outcomeOf(compared: ComparedCommits): Outcome {
  const { a, b, packages, files } = compared;
  const fields: Record<string, unknown> = { ...compared };
  if (files.length === 0) return unchanged(`${a.name} and ${b.name} hold the same files`, fields);
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  return ok(`${counted(packages.length, 'package')} and ${counted(files.length, 'file')} differ`, fields);
}
