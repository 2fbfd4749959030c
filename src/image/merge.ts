import type { LockedDeb } from '../deb/package.ts';
import { LockstepError } from '../errors/index.ts';
import { commitArgv } from '../ostree/commit.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, stageRef } from './stage.ts';

/** Raised when the same packages would merge into another tree than before. */
const format = '1';

/** Lays all packages over each other: metadata alone, no file is read (ostree-commit(1), --tree=ref). */
export async function merge(environment: BuildEnvironment, packages: readonly LockedDeb[]): Promise<StageResult> {
  const ordered = [...packages].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const digest = digestOf('unpacked', format, ...ordered.map(({ sha256 }) => sha256));
  const ref = stageRef('unpacked', digest);
  return cachedStage(environment, { name: 'merge', ref, digest }, async (stage) => {
    stage.advance({ detail: `${packages.length} packages` });
    await commitMerged(environment, ref, ordered);
  });
}

/** Of directories that several packages have, base-files' owner and mode are to stay: with ostree, the last one's do. */
function order({ package: name }: LockedDeb): string {
  return name === 'base-files' ? '~' : name;
}

async function commitMerged({ toolbox, repo }: BuildEnvironment, ref: string, packages: readonly LockedDeb[]) {
  const trees = packages.flatMap(({ sha256 }) => [`ref=dpkg/control/${sha256}`, `ref=dpkg/data/${sha256}`]);
  try {
    await toolbox.run(commitArgv(trees, { repo, ref, subject: 'unpacked' }));
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_TOOL_FAILED') throw error;
    throw new LockstepError('E_MERGE', `the packages cannot be laid over each other: ${error.message}`, {
      cause: error,
    });
  }
}
