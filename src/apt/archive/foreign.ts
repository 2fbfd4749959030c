import path from 'node:path';
import type { Architecture, ImageConfig } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { runApt } from '../root/apt-run.ts';
import { archiveKeyring, type PrivateRoot, preparePrivateRoot } from '../root/private-root.ts';
import { aptSources } from './apt-source.ts';
import { indexFiles } from './index-targets.ts';
import { archiveOf } from './sources.ts';
import { updateIndexes } from './update-indexes.ts';

/** What an image's suites hold for another architecture than the image's own. */
export interface ForeignArchive {
  /** Its apt can download what it offers, by `package=version`. */
  root: PrivateRoot;
  /** Every version of the packages asked for, by the indexes of the last time; none where there are none. */
  offered(names: readonly string[]): Promise<{ package: string; version: string }[]>;
  /** Fetches the indexes anew. */
  refresh(): Promise<void>;
}

/**
 * The image's suites, less those that its lockfile was made without, in a private apt root for another architecture.
 * Throws E_APT_*, E_TOOLBOX_TOOL, E_INTERRUPTED.
 */
export async function openForeignArchive(
  toolbox: Toolbox,
  workspace: Pick<Workspace, 'apt'>,
  image: ImageConfig,
  { arch, without }: { arch: Architecture; without: readonly string[] },
): Promise<ForeignArchive> {
  const suites = image.suites.filter((suite) => !without.includes(suite));
  const foreign = { ...image, arch, suites, sources: [], pins: [], exclude: [], recommends: false };
  const own = (await archiveOf(toolbox, foreign)).suites;
  const root = await preparePrivateRoot(toolbox, foreign, {
    dir: path.join(workspace.apt, `${image.name}.${arch}`),
    sources: await aptSources(foreign, own, { keyring: archiveKeyring }),
    local: [],
  });
  return {
    root,
    offered: async (names) => versionsIn(toolbox, root, await indexesOf(toolbox, root, foreign), names),
    refresh: () => updateIndexes(toolbox, root, image.name),
  };
}

/** None unless each suite has its own. */
async function indexesOf(toolbox: Toolbox, root: PrivateRoot, image: ImageConfig): Promise<string[]> {
  try {
    return await indexFiles(toolbox, root, image);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'E_APT_NO_SUITE') return [];
    throw error;
  }
}

async function versionsIn(toolbox: Toolbox, root: PrivateRoot, indexes: readonly string[], names: readonly string[]) {
  if (indexes.length === 0) return [];
  const { stdout } = await runApt(toolbox, root, ['env', 'LC_ALL=C', 'awk', versionsOf, '-', ...indexes], {
    input: names.map((name) => `${name}\n`).join(''),
    timeoutMs: 60_000,
  });
  return [...stdout.matchAll(/^(\S+) (\S+)$/gm)].map(([, name, version]) => ({ package: name!, version: version! }));
}

/** First file: the wanted names, one a line; then the indexes. Package comes before Version in every stanza. */
const versionsOf = `
NR == FNR { wanted[$1] = 1; next }
/^Package: / { name = $2 }
/^Version: / { if (name in wanted) print name, $2 }
`;
