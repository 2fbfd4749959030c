import { access, stat } from 'node:fs/promises';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { commitFile } from './signing.ts';

/** The checksum that a checksum or ref of the build repository stands for. Throws E_NOT_BUILT when there is none. */
export async function resolveRevision(toolbox: Toolbox, workspace: Workspace, revision: string): Promise<string> {
  const missing = new LockstepError('E_NOT_BUILT', `${workspace.repo} has no commit ${revision}`, {
    hint: 'Run `lockstep build` first.',
  });
  // Before the first build there is no repository, and no need to open a toolbox to know it.
  if (!(await stat(workspace.repo).catch(() => null))) throw missing;
  const argv = ['ostree', `--repo=${workspace.repo}`, 'rev-parse', revision];
  const { exitCode, stdout } = await toolbox.run(argv, { answers: [1] });
  const commit = stdout.trim();
  if (exitCode !== 0 || !/^[0-9a-f]{64}$/.test(commit)) throw missing;
  if (!(await exists(commitFile(workspace.repo, commit)))) throw missing;
  return commit;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
