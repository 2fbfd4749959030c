import type { Toolbox } from '../toolbox/toolbox.ts';

/** The full names of all refs below `prefix`, of all there are without one, in one call. */
export async function listRefs(toolbox: Toolbox, repo: string, prefix?: string): Promise<Set<string>> {
  const argv = ['ostree', 'refs', `--repo=${repo}`, '--list', ...(prefix === undefined ? [] : [prefix])];
  const { stdout } = await toolbox.run(argv);
  return new Set(stdout.split('\n').filter((line) => line !== ''));
}

/** The commit that a ref names, or null. */
export async function resolveRef(toolbox: Toolbox, repo: string, ref: string): Promise<string | null> {
  const argv = ['ostree', 'rev-parse', `--repo=${repo}`, ref];
  const { exitCode, stdout } = await toolbox.run(argv, { answers: [1] });
  return exitCode === 0 ? stdout.trim() : null;
}

/** Removes a ref; objects that nothing names any more stay until the repository is pruned. */
export async function deleteRef(toolbox: Toolbox, repo: string, ref: string): Promise<void> {
  await toolbox.run(['ostree', 'refs', `--repo=${repo}`, '--delete', ref]);
}
