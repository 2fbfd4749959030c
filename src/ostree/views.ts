import path from 'node:path';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** Faces of one repository, to be used by one commit at a time each. */
export interface RepoViews {
  /** Paths to give to `ostree --repo=`. */
  paths: string[];
  /** Takes them away. Never rejects: a later `openViews` takes away what is left. */
  close(): Promise<void>;
}

/**
 * Commits that run at once in one repository can take each other's staging directory away just after it was made: one of
 * them then fails for `opendir(staging-…)`, about one of a hundred on a busy machine (known to ostree's authors since
 * 2018). A view is the repository with a directory for temporary files of its own, all else being links to it, its lock
 * included, so that `ostree prune` still waits for commits.
 */
export async function openViews(toolbox: Toolbox, repo: string, count: number): Promise<RepoViews> {
  const dir = path.join(repo, 'tmp', 'lockstep-views');
  await toolbox.run(['sh', '-euc', makeViews, 'sh', repo, dir, String(count)]);
  const paths = Array.from({ length: count }, (_, index) => path.join(dir, String(index + 1)));
  const close = async () => void (await toolbox.run(['rm', '-rf', dir]).catch(() => {}));
  return { paths, close };
}

const makeViews = `
rm -rf "$2"
touch "$1/.lock"
for number in $(seq "$3"); do
  mkdir -p "$2/$number/tmp"
  for entry in config objects refs state extensions; do
    ln -s "../../../$entry" "$2/$number/$entry"
  done
  ln "$1/.lock" "$2/$number/.lock"
done`;
