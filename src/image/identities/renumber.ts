import { commitArgv } from '../../ostree/commit.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, stageRef } from '../stage.ts';
import { plainScriptArgv, stageScript } from '../stage-script.ts';
import type { IdMap } from './identity-lock.ts';

/** A tree whose files and databases have other numbers of users and groups; the tree itself when none is to change. */
export async function renumber(
  build: BuildEnvironment,
  tree: StageResult,
  users: IdMap,
  groups: IdMap,
): Promise<StageResult> {
  if (users.size + groups.size === 0) return tree;
  const [uids, gids] = [pairs(users), pairs(groups)];
  const digest = digestOf('renumbered', tree.digest, uids, gids, stageScript('renumber'));
  const ref = stageRef('renumbered', digest);
  return cachedStage(build, { name: 'renumber', ref, digest }, async () => {
    const { toolbox, repo } = build;
    const root = `${build.work}/renumber`;
    await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', tree.commit, root]);
    await toolbox.run(plainScriptArgv('renumber', root, uids, gids), { isolate: true });
    await toolbox.run(commitArgv([`dir=${root}`], { repo, ref, subject: 'renumbered', linked: true }));
    await toolbox.run(['rm', '-rf', '--one-file-system', root]);
  });
}

/** `100=105 101=100`, by the old number. */
function pairs(map: IdMap): string {
  const sorted = [...map].sort(([a], [b]) => a - b);
  return sorted.map(([from, to]) => `${from}=${to}`).join(' ');
}
