import path from 'node:path';
import type { Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import { updateFailure, updateIsPartial } from './failure.ts';
import type { PrivateRoot } from './private-root.ts';

export interface UpdateOptions {
  /** Roots whose indexes lie in the same directory, and are fetched with the root's own. */
  sharing?: readonly PrivateRoot[];
  stage?: Stage;
}

/**
 * Fetches the indexes of a private root's suites anew, their signatures checked by apt. Throws E_APT_*, E_INTERRUPTED.
 * @param images names of those that it is for, for errors
 */
export async function updateIndexes(
  toolbox: Toolbox,
  root: PrivateRoot,
  images: string,
  { sharing = [], stage }: UpdateOptions = {},
): Promise<void> {
  const sourcelist = path.join(root.dir, sharing.length === 0 ? 'image.sources' : 'shared.sources');
  const all = [root, ...sharing].map(({ dir }) => path.join(dir, 'image.sources'));
  await runApt(toolbox, root, ['sh', '-euc', makeReady, 'sh', root.lists, sourcelist, ...all], { timeoutMs: 60_000 });
  const argv = ['apt-get', '-q', '-o', `Dir::Etc::sourcelist=${sourcelist}`, 'update'];
  const { exitCode, output } = await runApt(toolbox, root, argv, {
    timeoutMs: 10 * 60_000,
    onLine: (line) => {
      const suite = /^Get:\d+ \S+ (.*?) \[/.exec(line)?.[1];
      if (suite !== undefined) stage?.advance({ detail: suite });
    },
  });
  // Lists of the last time must never pass for today's.
  if (exitCode !== 0 || updateIsPartial(output)) throw updateFailure(images, output);
}

/**
 * apt passes silently over a suite that is older than the one that it has, and a server over one that is older than what
 * it is asked for: two machines would see two archives, and nobody a rollback. So what apt has is made to look old; the
 * indexes that its digests name are still not fetched again.
 */
const makeReady = `
lists=$1 sourcelist=$2
shift 2
for file in "$lists"/*Release; do
  [ -e "$file" ] || continue
  sed -i 's/^Date: .*/Date: Fri, 01 Jan 1960 00:00:00 UTC/' "$file"
  touch -d '1960-01-01 UTC' "$file"
done
[ $# -eq 1 ] || for file; do cat "$file"; echo; done > "$sourcelist"
`;
