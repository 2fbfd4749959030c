import type { Git } from './git.ts';

/**
 * Paths, relative to the top of the work tree, that differ from HEAD in index or work tree or are untracked; what git
 * ignores and what lies in `apart` (lockstep's own directory, with a final slash) is left out.
 */
export async function changedPaths(git: Git, apart: string): Promise<string[]> {
  const { stdout } = await git(['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=normal']);
  // Each entry is `XY path`; without renames there is no second path.
  const paths = stdout.split('\0').filter((entry) => entry !== '');
  return paths.map((entry) => entry.slice(3)).filter((path) => !path.startsWith(apart));
}
