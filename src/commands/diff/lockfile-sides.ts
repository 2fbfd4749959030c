import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type LockedPackage, loadLockfile, parseLockfile } from '../../apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../../config/types.ts';
import { workspaceOf } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Git, gitIn } from '../../refresh/git.ts';
import type { Context } from '../verb.ts';

/** Two states of a lockfile. */
export interface Sides {
  /** Of the image, or of the second file. */
  name: string;
  before: LockedPackage[];
  after: LockedPackage[];
  /** The build repository, which may not exist. */
  repo: string;
}

/**
 * What two names of lockfiles or git revisions stand for: HEAD and the work tree, when they are not given. A lockfile beside a revision, or
 * alone, is one of the only image, or of the one that is chosen.
 */
export async function sidesOf(context: Context, a = 'HEAD', b?: string): Promise<Sides[]> {
  const [first, second] = await Promise.all([a, b].map((name) => name !== undefined && isFile(fileAt(context, name))));
  if (b !== undefined && first && second) return [await filesSides(context, a, b)];
  return first || second ? [await mixedSides(context, a, b)] : revisionSides(context, a, b);
}

/** The lockfile of an image in the work tree, in a git revision, or another file. Throws E_USAGE, E_LOCK_*. */
export async function packagesOf(context: Context, image: ImageConfig, name?: string): Promise<LockedPackage[]> {
  if (name === undefined) return (await loadLockfile(image.lockfile)).packages;
  const file = fileAt(context, name);
  if (await isFile(file)) return (await loadLockfile(file)).packages;
  const git = await projectGit(context);
  await requireRevision(git, name);
  return packagesAt(git, image, name);
}

async function filesSides(context: Context, a: string, b: string): Promise<Sides> {
  const [first, second] = [fileAt(context, a), fileAt(context, b)];
  const [before, after] = [await loadLockfile(first), await loadLockfile(second)];
  const beside = workspaceOf(path.dirname(second)).repo;
  const repo = (await stat(beside).catch(() => null)) === null ? workspaceOf(context.dir).repo : beside;
  return { name: path.basename(second, '.lock'), before: before.packages, after: after.packages, repo };
}

async function revisionSides(context: Context, a: string, b?: string): Promise<Sides[]> {
  const git = await projectGit(context);
  for (const revision of b === undefined ? [a] : [a, b]) await requireRevision(git, revision);
  const [images, { repo }] = [await context.images(), await context.workspace()];
  return Promise.all(
    images.map(async (image) => {
      const before = await packagesAt(git, image, a);
      const after = b === undefined ? (await loadLockfile(image.lockfile)).packages : await packagesAt(git, image, b);
      return { name: image.name, before, after, repo };
    }),
  );
}

async function mixedSides(context: Context, a: string, b?: string): Promise<Sides> {
  const [image, ...others] = await context.images();
  if (image === undefined || others.length > 0) {
    const message = `${b === undefined ? a : `${a} and ${b}`}: which image’s lockfile is meant?`;
    throw new LockstepError('E_USAGE', message, { hint: 'say it with `--image NAME`, or name two lockfiles' });
  }
  const [before, after] = [await packagesOf(context, image, a), await packagesOf(context, image, b)];
  return { name: image.name, before, after, repo: (await context.workspace()).repo };
}

function fileAt({ dir }: Context, name: string): string {
  return path.resolve(dir, name);
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null))?.isFile() ?? false;
}

async function projectGit(context: Context): Promise<Git> {
  return gitIn((await context.config()).root, context.environment, context.signal);
}

async function requireRevision(git: Git, revision: string): Promise<void> {
  const argv = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  if ((await git(argv, { check: false })).exitCode === 0) return;
  throw new LockstepError('E_USAGE', `${revision} is neither a lockfile nor a git revision here`, {
    hint: 'name two lockfiles, or git revisions; without any, the work tree is compared with HEAD',
  });
}

/** None for a revision that did not have the lockfile yet. */
async function packagesAt(git: Git, image: ImageConfig, revision: string): Promise<LockedPackage[]> {
  const name = `${revision}:./${path.basename(image.lockfile)}`;
  const there = await git(['cat-file', '-e', name], { check: false });
  if (there.exitCode !== 0) return [];
  return parseLockfile((await git(['cat-file', 'blob', name])).stdout, name).packages;
}
