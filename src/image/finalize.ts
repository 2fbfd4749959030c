import { commitArgv } from '../ostree/commit.ts';
import { version as lockstepVersion } from '../version.ts';
import { runInside } from './customise.ts';
import { layOverlay, type OverlayLayer, overlayDigest } from './overlay/overlay.ts';
import { type RunScript, scriptsDigest } from './run-script.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, stageRef } from './stage.ts';
import { plainScriptArgv, stageScript } from './stage-script.ts';

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
  scripts: readonly RunScript[],
  provenance: Provenance,
): Promise<StageResult> {
  const metadata = metadataOf(provenance);
  const trees = [configured.digest, initramfs?.digest ?? null, overlayDigest(overlay)];
  const last = scripts.length > 0 ? [scriptsDigest(scripts), stageScript('finalized')] : [];
  const how = [provenance.image, JSON.stringify(metadata), stageScript('finalize')];
  const digest = digestOf('deployable', ...trees, ...how, ...last);
  const ref = stageRef('deployable', digest);
  return cachedStage(build, { name: 'finalize', ref, digest }, async () => {
    const { toolbox, repo } = build;
    const root = `${build.work}/finalize`;
    const checkout = (commit: string) =>
      toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', '--union', commit, root]);
    await checkout(configured.commit);
    if (initramfs !== null) await checkout(initramfs.commit);
    await layOverlay(overlay, root);
    await toolbox.run(plainScriptArgv('finalize', root, provenance.image, provenance.version), { isolate: true });
    if (scripts.length > 0) await runInside(build, root, { name: 'finalized', point: 'finalized', scripts });
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
