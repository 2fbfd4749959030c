import { commitArgv } from '../ostree/commit.ts';
import { version as lockstepVersion } from '../version.ts';
import { layOverlay, type OverlayLayer, overlayDigest } from './overlay.ts';
import {
  type BuildEnvironment,
  cachedStage,
  digestOf,
  type StageResult,
  scriptArgv,
  stageRef,
  stageScript,
} from './stage.ts';

/** What the commit says of itself. */
export interface Provenance {
  image: string;
  version: string;
  lockDigest: string;
  /** Null outside version control. */
  revision: string | null;
}

/** A configured tree, its initramfs and the overlay, turned into the commit that devices deploy. */
export async function finalize(
  build: BuildEnvironment,
  configured: StageResult,
  initramfs: StageResult | null,
  overlay: readonly OverlayLayer[],
  provenance: Provenance,
): Promise<StageResult> {
  const metadata = metadataOf(provenance);
  const trees = [configured.digest, initramfs?.digest ?? null, overlayDigest(overlay)];
  const digest = digestOf('deployable', ...trees, provenance.image, JSON.stringify(metadata), stageScript('finalize'));
  const ref = stageRef('deployable', digest);
  return cachedStage(build, { name: 'finalize', ref, digest }, async () => {
    const { toolbox, repo } = build;
    const root = `${build.work}/finalize`;
    const checkout = (commit: string) =>
      toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', '--union', commit, root]);
    await checkout(configured.commit);
    if (initramfs !== null) await checkout(initramfs.commit);
    await layOverlay(overlay, root, { copy: false });
    await toolbox.run(scriptArgv('finalize', root, provenance.image, provenance.version), { isolate: true });
    const subject = `${provenance.image} ${provenance.version}`;
    await toolbox.run(commitArgv([`dir=${root}`], { repo, ref, subject, metadata, linked: true }));
    await toolbox.run(['rm', '-rf', '--one-file-system', root]);
  });
}

function metadataOf({ version, lockDigest, revision }: Provenance): Record<string, string> {
  return {
    version,
    'lockstep.version': lockstepVersion,
    'lockstep.lock-digest': lockDigest,
    ...(revision === null ? {} : { 'lockstep.source-revision': revision }),
  };
}
