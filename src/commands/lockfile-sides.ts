import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type LockedPackage, loadLockfile, parseLockfile } from '../apt/lockfile.ts';
import type { ImageConfig } from '../config/types.ts';
import { workspaceOf } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import { type Git, gitIn } from '../refresh/git.ts';
import type { Context } from './verb.ts';

/** Two states of a lockfile. */
export interface Sides {
  /** Of the image, or of the second file. */
  name: string;
  before: LockedPackage[];
  after: LockedPackage[];
  /** The build repository, which may not exist. */
  repo: string;
}

/** What two names of lockfiles or git revisions stand for: HEAD and the work tree, when they are not given. */
export async function sidesOf(context: Context, a = 'HEAD', b?: string): Promise<Sides[]> {
  if (b !== undefined && (await areFiles(context, a, b))) return [await filesSides(context, a, b)];
  return revisionSides(context, a, b);
}

/** The lockfile of an image in the work tree, in a git revision, or another file. Throws E_USAGE, E_LOCK_*. */
export async function packagesOf(context: Context, image: ImageConfig, name?: string): Promise<LockedPackage[]> {
  if (name === undefined) return (await loadLockfile(image.lockfile)).packages;
  const file = path.resolve(context.dir, name);
  if (await isFile(file)) return (await loadLockfile(file)).packages;
  const git = await projectGit(context);
  await requireRevision(git, name);
  return packagesAt(git, image, name);
}

async function filesSides(context: Context, a: string, b: string): Promise<Sides> {
  const [first, second] = [a, b].map((name) => path.resolve(context.dir, name)) as [string, string];
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

async function areFiles(context: Context, ...names: string[]): Promise<boolean> {
  const found = await Promise.all(names.map((name) => isFile(path.resolve(context.dir, name))));
  if (found.every(Boolean) || !found.some(Boolean)) return found.every(Boolean);
  const message = `${names[found.indexOf(false)]} is no file, ${names[found.indexOf(true)]} is one`;
  throw new LockstepError('E_USAGE', message, { hint: 'name two lockfiles, or git revisions' });
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
