import path from 'node:path';
import type { Workspace } from '../../config/workspace.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { runApt } from '../root/apt-run.ts';

/** The versions that the suites of an image have of some packages, as of when it was resolved last; none of unknown ones. */
export async function offeredVersions(
  toolbox: Toolbox,
  { apt }: Pick<Workspace, 'apt'>,
  image: string,
  names: readonly string[],
): Promise<Map<string, Set<string>>> {
  const root = { config: path.join(apt, image, 'apt.conf') };
  const { stdout } = await runApt(toolbox, root, ['apt-cache', 'madison', '--', ...names], { timeoutMs: 60_000 });
  const offered = new Map<string, Set<string>>();
  for (const [, name, version] of stdout.matchAll(/^ *(\S+) \| +(\S+) \|/gm)) {
    offered.set(name!, (offered.get(name!) ?? new Set()).add(version!));
  }
  return offered;
}
