import type { LockedDeb } from '../deb/package.ts';
import { LockstepError } from '../errors/index.ts';
import { commitArgv } from '../ostree/commit.ts';
import { resolveRef } from '../ostree/refs.ts';
import { controlRef, dataRef } from './import/import-deb.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, stageRef } from './stage.ts';
import type { ControlFiles } from './unpack/control-files.ts';
import { planUnpacking, type Unpacking } from './unpack/unpacking.ts';

/** Raised when the same packages would merge into another tree than before. */
const format = '4';

/** A merged tree, with what dpkg would still do to it. */
export interface MergeResult extends StageResult {
  /** Reads and plans when it is first asked for: nobody asks when what follows is there already. */
  unpacking(): Promise<Unpacking>;
}

/**
 * Lays the packages over each other that dpkg could unpack without running anything, and the control files of all:
 * metadata alone, no file is read (ostree-commit(1), --tree=ref). Debs that cannot be unpacked together are refused
 * before that; see planUnpacking for the codes. Throws E_MERGE for what ostree alone refuses.
 */
export async function merge(
  environment: BuildEnvironment,
  packages: readonly LockedDeb[],
  architecture: string,
): Promise<MergeResult> {
  const ordered = inOrder(packages);
  const digest = mergeDigest(ordered, architecture);
  const ref = stageRef('unpacked', digest);
  let planned: Promise<Unpacking> | undefined;
  const unpacking = () => {
    planned ??= planUnpacking(environment, ordered, architecture);
    return planned;
  };
  const result = await cachedStage(environment, { name: 'merge', ref, digest }, async (stage) => {
    stage.advance({ detail: `${packages.length} packages` });
    await commitMerged(environment, ref, await unpacking());
  });
  return { ...result, unpacking };
}

/** Whether these packages were merged before. */
export async function isMerged(
  { toolbox, repo }: Pick<BuildEnvironment, 'toolbox' | 'repo'>,
  packages: readonly LockedDeb[],
  architecture: string,
): Promise<boolean> {
  return (await resolveRef(toolbox, repo, stageRef('unpacked', mergeDigest(inOrder(packages), architecture)))) !== null;
}

function inOrder(packages: readonly LockedDeb[]): LockedDeb[] {
  return [...packages].sort((a, b) => (a.package < b.package ? -1 : 1));
}

function mergeDigest(ordered: readonly LockedDeb[], architecture: string): string {
  return digestOf('unpacked', format, architecture, ...ordered.map(({ sha256 }) => sha256));
}

/** Of a directory that several packages have, dpkg keeps the first one's owner and mode; ostree takes the last one's. */
export async function commitMerged({ toolbox, repo }: BuildEnvironment, ref: string, { plan, debs }: Unpacking) {
  const debOf = (entry: ControlFiles) => debs.get(entry)!;
  const control = plan.order.map((entry) => `ref=${controlRef(debOf(entry))}`);
  const data = plan.early.map((entry) => `ref=${dataRef(debOf(entry))}`);
  try {
    await toolbox.run(commitArgv([...control, ...data.reverse()], { repo, ref, subject: 'unpacked' }));
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_TOOL_FAILED') throw error;
    throw new LockstepError('E_MERGE', `the packages cannot be laid over each other: ${error.message}`, {
      cause: error,
    });
  }
}
