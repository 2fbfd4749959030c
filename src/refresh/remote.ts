import { LockstepError } from '../errors/index.ts';
import type { Git } from './git.ts';

/** What the remote held when the refresh began. */
export interface RemoteState {
  /** Commit of the base branch. */
  base: string;
  /** Commit of the refresh branch; null when there is none. */
  branch: string | null;
}

/** Fetches both branches. Throws E_GIT when the remote does not answer or has no such base. */
export async function fetchRemote(git: Git, remote: string, base: string, branch: string): Promise<RemoteState> {
  const baseCommit = await fetchBranch(git, remote, base);
  const listed = (await git(['ls-remote', remote, `refs/heads/${branch}`])).stdout;
  return { base: baseCommit, branch: listed === '' ? null : await fetchBranch(git, remote, branch) };
}

async function fetchBranch(git: Git, remote: string, branch: string): Promise<string> {
  await git(['fetch', '--quiet', '--no-tags', remote, `+refs/heads/${branch}`]);
  return (await git(['rev-parse', '--verify', 'FETCH_HEAD'])).stdout.trim();
}

/**
 * Whether the branch already proposes this tree on this base: then a new commit would differ in its date alone, and
 * pushing it would start builds for nothing. A commit on top that touches `below` alone, paths that a build writes, does
 * not count.
 */
export async function alreadyProposed(
  git: Git,
  seen: RemoteState,
  tree: string,
  { below, recorded }: { below: readonly string[]; recorded: readonly string[] },
): Promise<boolean> {
  if (seen.branch === null) return false;
  const proposes = async (revision: string) => {
    const shown = await git(['show', '--no-patch', '--format=%P', revision], { check: false });
    if (shown.stdout.trim() !== seen.base) return false;
    const { exitCode, stdout } = await git(['diff', '--name-only', '-z', tree, revision], { check: false });
    const names = stdout.split('\0').filter((name) => name !== '');
    return exitCode === 0 && names.every((name) => recorded.includes(name));
  };
  if (await proposes(seen.branch)) return true;
  const parent = `${seen.branch}^`;
  const { exitCode, stdout } = await git(['diff', '--name-only', '-z', parent, seen.branch], { check: false });
  const touched = stdout.split('\0').filter((name) => name !== '');
  return exitCode === 0 && touched.every((name) => below.includes(name)) && (await proposes(parent));
}

/**
 * Sets a branch of the remote to `commit`, or deletes it (null), if it still stands where it was seen (null: does not
 * exist). Throws E_REFRESH_RACE when it does not; the remote is then as somebody else left it.
 */
export async function pushBranch(
  git: Git,
  remote: string,
  branch: string,
  commit: string | null,
  seen: string | null,
): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const lease = `--force-with-lease=${ref}:${seen ?? ''}`;
  const push = await git(['push', '--porcelain', lease, remote, `${commit ?? ''}:${ref}`], { check: false });
  if (push.exitCode === 0) return;
  const answer = `${push.stdout}\n${push.stderr}`;
  if (/stale info|fetch first|cannot lock ref|incorrect old value|reference already exists/i.test(answer)) {
    throw new LockstepError('E_REFRESH_RACE', `${branch} on ${remote} moved while the refresh was at work`, {
      hint: 'Nothing was overwritten. Look at what was pushed there; the next refresh starts from it.',
    });
  }
  throw new LockstepError('E_GIT', `Pushing ${branch} to ${remote} failed: ${lastLines(answer)}`);
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && line !== 'Done');
  return lines.slice(-6).join('\n');
}
