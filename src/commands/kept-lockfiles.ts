import path from 'node:path';
import { type Lockfile, loadLockfile, parseLockfile } from '../apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { type Git, gitIn } from '../refresh/git.ts';
import type { Context } from './verb.ts';

/** What lockfiles pin that are still wanted. */
export interface KeptLockfiles {
  /** sha256 of debs. */
  debs: Set<string>;
  /** The lockfiles that this lockstep.yml could be built from. */
  builds: { image: ImageConfig; lockfile: Lockfile; where: string }[];
  /** Where lockfiles were found: the work tree, revisions. */
  from: string[];
}

/**
 * Of the work tree and of git revisions, HEAD where none is named; and the debs of the last states that git has of each lockfile.
 * Throws E_USAGE for a revision that is none, E_LOCK_SYNTAX.
 */
export async function keptLockfiles(
  context: Context,
  { revisions: named, states }: { revisions: readonly string[] | undefined; states: number },
): Promise<KeptLockfiles> {
  const { root, images } = await context.config();
  const kept: KeptLockfiles = { debs: new Set(), builds: [], from: ['the work tree'] };
  for (const image of images) {
    const lockfile = await loadLockfile(image.lockfile).catch((error) => unlessMissing(error));
    if (lockfile !== null) kept.builds.push({ image, lockfile, where: 'the work tree' });
  }
  const git = gitIn(root, context.environment, context.signal);
  for (const revision of named ?? ['HEAD']) {
    if (!(await isRevision(git, revision))) {
      if (named === undefined) continue;
      throw new LockstepError('E_USAGE', `--keep-rev ${revision}: there is no such git revision here`, {
        hint: 'nothing was removed; a shallow clone may lack it: fetch it first',
      });
    }
    kept.from.push(revision);
    await addRevision(kept, git, images, revision);
  }
  for (const { lockfile } of kept.builds) for (const { sha256 } of lockfile.packages) kept.debs.add(sha256);
  const before = kept.debs.size;
  for (const image of images) await addStates(kept.debs, git, path.basename(image.lockfile), states);
  if (kept.debs.size > before) kept.from.push(`the last ${states} states in git`);
  return kept;
}

/** A history may be shallow, and need not be there. */
async function addStates(debs: Set<string>, git: Git, name: string, states: number): Promise<void> {
  const argv = ['log', `--max-count=${states}`, '--format=%H', 'HEAD', '--', name];
  const { stdout } = await git(argv, { check: false });
  for (const commit of stdout.split('\n').filter(Boolean)) {
    // The commit that removed it has none.
    const blob = await git(['cat-file', 'blob', `${commit}:./${name}`], { check: false });
    addDebs(debs, blob.stdout);
  }
}

function addDebs(debs: Set<string>, text: string): void {
  for (const [, sha256 = ''] of text.matchAll(/^SHA256: ([0-9a-f]{64})$/gm)) debs.add(sha256);
}

function unlessMissing(error: unknown): null {
  if (error instanceof LockstepError && error.code === 'E_LOCK_MISSING') return null;
  throw error;
}

async function isRevision(git: Git, revision: string): Promise<boolean> {
  const argv = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  return (await git(argv, { check: false })).exitCode === 0;
}

/** Images may have had other names then: every lockfile beside lockstep.yml counts, and what it pins, whoever wrote it. */
async function addRevision(
  kept: KeptLockfiles,
  git: Git,
  images: readonly ImageConfig[],
  revision: string,
): Promise<void> {
  const { stdout } = await git(['ls-tree', '-z', '--name-only', revision]);
  const byFile = new Map(images.map((image) => [path.basename(image.lockfile), image]));
  for (const name of stdout.split('\0')) {
    const image = byFile.get(name);
    if (image === undefined && !name.endsWith('.lock')) continue;
    const at = `${revision}:./${name}`;
    const text = (await git(['cat-file', 'blob', at])).stdout;
    addDebs(kept.debs, text);
    const lockfile = image === undefined ? null : parsed(text, at);
    if (image !== undefined && lockfile !== null) kept.builds.push({ image, lockfile, where: revision });
  }
}

/** One that a former version wrote, or that was committed broken, keeps its debs, and no stages. */
function parsed(text: string, file: string): Lockfile | null {
  try {
    return parseLockfile(text, file);
  } catch (error) {
    if (error instanceof LockstepError) return null;
    throw error;
  }
}
