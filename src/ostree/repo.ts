import { stat } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { reserveMiB } from './free-space.ts';

/** `bare` keeps files as they are, owners and all; `archive` is what devices pull; `bare-user` needs no root. */
export type RepoMode = 'bare' | 'archive' | 'bare-user';

/**
 * Makes the repository if there is none. Throws E_REPO when the path holds something else, is damaged, or has another
 * mode.
 */
export async function ensureRepo(toolbox: Toolbox, repo: string, mode: RepoMode): Promise<void> {
  const run = async (...argv: string[]) => {
    try {
      return (await toolbox.run(argv)).stdout.trim();
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'E_TOOL_FAILED') throw unusable(repo, error.message, error);
      throw error;
    }
  };
  const modeOf = () => run('ostree', 'config', `--repo=${repo}`, 'get', 'core.mode');
  // Under another name until it is whole: ostree takes a repository for made as soon as it has a configuration.
  const make = async () => {
    const begun = `${repo}.begun`;
    await run('rm', '-rf', begun);
    await run('ostree', 'init', `--repo=${begun}`, `--mode=${mode}`);
    await run('ostree', 'config', `--repo=${begun}`, 'set', 'core.min-free-space-size', `${reserveMiB}MB`);
    await run('mv', '--no-target-directory', begun, repo);
    return await modeOf();
  };
  const exists = await stat(path.join(repo, 'config')).then(Boolean, () => false);
  const found = exists ? await modeOf() : await make();
  // Older versions of ostree write `archive` by its former name.
  if (found.replace(/^archive-z2$/, 'archive') !== mode) throw unusable(repo, `its mode is ${found}, not ${mode}`);
}

function unusable(repo: string, why: string, cause?: unknown): LockstepError {
  return new LockstepError('E_REPO', `the ostree repository ${repo} cannot be used: ${why}`, {
    cause,
    hint: 'it can be deleted: the next build makes it anew',
  });
}
