import { existsSync } from 'node:fs';
import type { RefreshConfig } from '../config/types.ts';
import { type ErrorCode, LockstepError } from '../errors/index.ts';
import { inStage, type Progress } from '../progress/progress.ts';
import { type Checkout, nameBelow, readCheckout, restoreCheckout } from './checkout.ts';
import { type Git, gitIn } from './git.ts';
import { idLocks, recordBeside } from './id-locks.ts';
import { commitMessage, type ImageChanges } from './message.ts';
import { alreadyProposed, fetchRemote, pushBranch, type RemoteState } from './remote.ts';
import { changedPaths } from './status.ts';

export interface RefreshOptions {
  /** Directory of lockstep.yml, inside a git checkout without changes. */
  root: string;
  settings: Pick<RefreshConfig, 'branch' | 'base' | 'remote'>;
  /** Absolute paths of the lockfiles as lockstep.yml stands now, so that they can be put back. */
  lockfiles: readonly string[];
  /** Author and committer; null: git's own configuration. */
  author: Author | null;
  /** Runs with the base branch checked out: writes lockfiles, says what changed. */
  update(): Promise<ImageChanges[]>;
  /** Runs with the candidate checked out; null: every candidate passes. */
  gate: ((candidate: Candidate) => Promise<GateResult>) | null;
  progress: Progress;
  signal: AbortSignal;
  environment: NodeJS.ProcessEnv;
}

export interface Author {
  name: string;
  email: string;
}

/** What a gate judges: a commit that so far exists in this checkout alone. */
export interface Candidate {
  commit: string;
  git: Git;
  /** The same, but not stopped by the signal: for what must be taken away after an interrupt. */
  cleanupGit: Git;
}

/** The first four fields of an outcome. */
export interface GateResult {
  outcome: 'ok' | 'unchanged' | 'failed' | 'unstable';
  code: ErrorCode | null;
  message: string;
  hint: string | null;
}

export interface RefreshResult extends GateResult {
  branch: string;
  /** Commit that the refresh started from. */
  base: string;
  /** The refresh's own commit; null when there was nothing to commit. */
  commit: string | null;
  pushed: boolean;
  images: ImageChanges[];
}

/**
 * The nightly job: update on top of the freshly fetched base, commit if lockfiles and nothing else changed, judge, commit
 * the numbers of new users that the judging build locked, push.
 * It works in the checkout itself, whose `.lockstep` holds the caches, on a detached HEAD, and leaves the checkout as it
 * was however it ends. Throws E_REFRESH_DIRTY, E_REFRESH_RACE, E_GIT, E_INTERRUPTED and what update and gate throw.
 */
export async function refresh(options: RefreshOptions): Promise<RefreshResult> {
  const { root, environment, progress, settings } = options;
  const outside = gitIn(root, environment, options.signal);
  const beside = options.lockfiles.flatMap((file) => [recordBeside(file), ...idLocks(file)]);
  const checkout = await readCheckout(outside, root, [...options.lockfiles, ...beside]);
  const git = gitIn(checkout.top, environment, options.signal);
  await assertClean(git, checkout);
  const seen = await inStage(progress, `fetch ${settings.remote}`, () =>
    fetchRemote(git, settings.remote, settings.base, settings.branch),
  );

  const written: string[] = [];
  let failure: unknown;
  try {
    await git(['checkout', '--quiet', '--detach', seen.base, '--']);
    return await refreshOn(git, checkout, seen, options, written);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // Not by the signal: the way back is what an interrupt asks for.
    const back = restoreCheckout(gitIn(checkout.top, environment), checkout, written);
    await back.catch((error: Error) => {
      if (failure === undefined) throw error;
      progress.note(error.message);
    });
  }
}

async function refreshOn(
  git: Git,
  checkout: Checkout,
  seen: RemoteState,
  options: RefreshOptions,
  written: string[],
): Promise<RefreshResult> {
  const { settings, progress } = options;
  const cleanupGit = gitIn(checkout.top, options.environment);
  const images = await options.update();
  const lockfiles = images.map((image) => image.lockfile);
  const numbers = lockfiles.flatMap(idLocks);
  const records = lockfiles.map(recordBeside);
  written.push(...lockfiles, ...records, ...numbers);
  const about = { branch: settings.branch, base: seen.base, images, commit: null, pushed: false };
  const none = { outcome: 'unchanged', code: null, hint: null, ...about } as const;

  if (!(await stageLockfiles(git, checkout, [...lockfiles, ...records.filter(existsSync)]))) {
    return { ...none, message: `Nothing changed since ${settings.base} ${seen.base.slice(0, 12)}` };
  }
  const tree = (await git(['write-tree'])).stdout.trim();
  const [below, recorded] = await Promise.all(
    [numbers, records].map((files) => Promise.all(files.map((file) => nameBelow(checkout.top, file)))),
  );
  if (await alreadyProposed(git, seen, tree, { below: below!, recorded: recorded! })) {
    return { ...none, commit: seen.branch, message: `${settings.branch} already holds these lockfiles` };
  }
  const message = commitMessage(images);
  const commit = await commitIndex(git, message, options.author);
  const subject = message.slice(0, message.indexOf('\n'));
  progress.note(`${subject} (${commit.slice(0, 12)})`);

  const verdict = (await options.gate?.({ commit, git, cleanupGit })) ?? null;
  if (verdict !== null && (verdict.outcome === 'failed' || verdict.outcome === 'unstable')) {
    return { ...about, ...pick(verdict), commit, message: `${subject}: not pushed. ${verdict.message}` };
  }
  const head = (await commitIdLocks(git, below!, options.author)) ?? commit;
  await inStage(progress, `push ${settings.branch}`, () =>
    pushBranch(git, settings.remote, settings.branch, head, seen.branch),
  );
  const passed = verdict === null ? 'pushed without a gate' : 'gate passed, pushed';
  return { ...none, outcome: 'ok', commit: head, pushed: true, message: `${subject}: ${passed} to ${settings.branch}` };
}

function pick({ outcome, code, message, hint }: GateResult): GateResult {
  return { outcome, code, message, hint };
}

async function assertClean(git: Git, checkout: Checkout): Promise<void> {
  const changed = await changedPaths(git, checkout.apart);
  if (changed.length === 0) return;
  throw new LockstepError('E_REFRESH_DIRTY', `${checkout.top} has changes that are not committed: ${list(changed)}`, {
    hint: 'Commit or remove them, or run the refresh in a clean clone. Nothing was touched.',
  });
}

/**
 * Puts the lockfiles into the index (even those that git ignores: the branch is there to carry them), and says whether
 * that differs from HEAD. Throws E_REFRESH_DIRTY when anything else changed.
 */
async function stageLockfiles(git: Git, checkout: Checkout, lockfiles: readonly string[]): Promise<boolean> {
  const names = await Promise.all(lockfiles.map((file) => nameBelow(checkout.top, file)));
  if (names.length > 0) await git(['add', '--force', '--', ...names]);
  const changed = await changedPaths(git, checkout.apart);
  const strays = changed.filter((path) => !names.includes(path));
  if (strays.length > 0) {
    throw new LockstepError('E_REFRESH_DIRTY', `The update changed more than lockfiles: ${list(strays)}`, {
      hint: 'Nothing was committed. Find out what wrote them; they are still there.',
    });
  }
  return changed.length > 0;
}

/**
 * What the gate's build wrote beside the lockfiles: numbers of new users and groups, trees of debs for the cache. A commit of its own, since the one
 * that was judged is what the image says it was made from. Null when there is nothing new.
 */
async function commitIdLocks(git: Git, names: readonly string[], author: Author | null): Promise<string | null> {
  if (names.length === 0) return null;
  const { stdout } = await git(['ls-files', '-z', '--others', '--modified', '--', ...names]);
  const changed = [...new Set(stdout.split('\0').filter((name) => name !== ''))];
  if (changed.length === 0) return null;
  await git(['add', '--force', '--', ...changed]);
  return commitIndex(git, 'Lock what the build found: numbers of new users and groups, trees of debs\n', author);
}

async function commitIndex(git: Git, message: string, author: Author | null): Promise<string> {
  const env: Record<string, string> =
    author === null
      ? {}
      : {
          GIT_AUTHOR_NAME: author.name,
          GIT_AUTHOR_EMAIL: author.email,
          GIT_COMMITTER_NAME: author.name,
          GIT_COMMITTER_EMAIL: author.email,
        };
  await git(['commit', '--quiet', '--cleanup=whitespace', '--file=-'], { input: message, env });
  return (await git(['rev-parse', '--verify', 'HEAD'])).stdout.trim();
}

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).join(', ');
  return paths.length > 5 ? `${shown} and ${paths.length - 5} more` : shown;
}
