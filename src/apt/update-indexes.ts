import type { Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import { updateFailure, updateIsPartial } from './failure.ts';
import type { PrivateRoot } from './private-root.ts';

/** Fetches the indexes of a private root's suites anew, their signatures checked by apt. Throws E_APT_*, E_INTERRUPTED. */
export async function updateIndexes(toolbox: Toolbox, root: PrivateRoot, image: string, stage?: Stage): Promise<void> {
  const { exitCode, output } = await runApt(toolbox, root, ['apt-get', '-q', 'update'], {
    timeoutMs: 10 * 60_000,
    onLine: (line) => {
      const suite = /^Get:\d+ \S+ (.*?) \[/.exec(line)?.[1];
      if (suite !== undefined) stage?.advance({ detail: suite });
    },
  });
  // Lists of the last time must never pass for today's.
  if (exitCode !== 0 || updateIsPartial(output)) throw updateFailure(image, output);
}
