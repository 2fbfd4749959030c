import { realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import { bytesIfThere } from '../files/if-there.ts';
import type { Git } from './git.ts';

/** Where a checkout stood before the refresh: what it returns to, however the refresh ends. */
export interface Checkout {
  /** Absolute path of the top of the work tree. */
  top: string;
  /** Path of the project's `.lockstep/` below the top, with a final slash. */
  apart: string;
  /** Branch name, or null when HEAD was detached. */
  branch: string | null;
  commit: string;
  /** Bytes of lockfiles by absolute path, null where there was none: a lockfile may be one that git ignores. */
  lockfiles: Map<string, Buffer | null>;
}

/** Reads the position of the checkout that holds `root`. Throws E_GIT when there is none. */
export async function readCheckout(git: Git, root: string, lockfiles: readonly string[]): Promise<Checkout> {
  const top = (await git(['rev-parse', '--show-toplevel'])).stdout.trimEnd();
  const commit = (await git(['rev-parse', '--verify', 'HEAD'])).stdout.trim();
  const head = await git(['symbolic-ref', '--quiet', '--short', 'HEAD'], { check: false });
  const below = path.relative(top, await realpath(root));
  return {
    top,
    apart: `${path.posix.join(below, '.lockstep')}/`,
    branch: head.exitCode === 0 ? head.stdout.trim() : null,
    commit,
    lockfiles: new Map(await Promise.all(lockfiles.map(async (file) => [file, await bytesIfThere(file)] as const))),
  };
}

/**
 * Takes the refresh's own changes back and returns to the former branch or commit. Changes that are not its own stay in
 * the work tree; where git cannot carry them over it refuses, and nothing is lost.
 */
export async function restoreCheckout(git: Git, checkout: Checkout, lockfiles: readonly string[]): Promise<void> {
  await git(['reset', '--quiet']);
  for (const lockfile of new Set([...checkout.lockfiles.keys(), ...lockfiles])) {
    const name = await nameBelow(checkout.top, lockfile);
    const tracked = (await git(['ls-tree', '--name-only', '-z', 'HEAD', '--', name])).stdout !== '';
    if (tracked) await git(['checkout', '--quiet', 'HEAD', '--', name]);
    else await rm(lockfile, { force: true });
  }
  const target = checkout.branch === null ? ['--detach', checkout.commit] : [checkout.branch];
  const back = await git(['checkout', '--quiet', ...target, '--'], { check: false });
  if (back.exitCode !== 0) {
    const place = checkout.branch ?? checkout.commit;
    throw new LockstepError('E_GIT', `${checkout.top} could not be returned to ${place}: ${back.stderr.trim()}`, {
      hint: `Save what is in the way, then run \`git checkout ${place}\`.`,
    });
  }
  for (const [file, bytes] of checkout.lockfiles) await putBack(file, bytes);
}

/** The lockfile's path below the top of the work tree, as git names it. */
export async function nameBelow(top: string, lockfile: string): Promise<string> {
  return path.relative(top, path.join(await realpath(path.dirname(lockfile)), path.basename(lockfile)));
}

async function putBack(file: string, bytes: Buffer | null): Promise<void> {
  const now = await bytesIfThere(file);
  if (bytes === null) return rm(file, { force: true });
  if (now?.equals(bytes)) return;
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, file);
}
