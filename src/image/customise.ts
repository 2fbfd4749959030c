import type { RunPoint } from '../config/types.ts';
import { commitArgv } from '../ostree/commit.ts';
import { TimedOut } from '../toolbox/tool-failure.ts';
import { leftRunning } from './leftovers.ts';
import { layOverlay, type OverlayLayer, overlayDigest } from './overlay/overlay.ts';
import { type RunScript, ScriptOutput, scriptsDigest, writeScripts } from './run-script.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, sourceDateEpoch, stageRef } from './stage.ts';
import { emulatedScriptArgv, stageScript } from './stage-script.ts';

const environment = { SOURCE_DATE_EPOCH: sourceDateEpoch };

/** A configured tree with its overlay, in which scripts of the project have run. */
export async function customise(
  build: BuildEnvironment,
  configured: StageResult,
  overlay: readonly OverlayLayer[],
  scripts: readonly RunScript[],
): Promise<StageResult> {
  const inputs = [configured.digest, overlayDigest(overlay), scriptsDigest(scripts)];
  const digest = digestOf('customised', ...inputs, stageScript('customise'), JSON.stringify(environment));
  const ref = stageRef('customised', digest);
  return cachedStage(build, { name: 'customise', ref, digest }, async () => {
    const { toolbox, repo } = build;
    const root = `${build.work}/customise`;
    await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', configured.commit, root]);
    await layOverlay(overlay, root);
    await runInside(build, root, { name: 'customise', point: 'configured', scripts });
    const options = { repo, ref, subject: 'customised', linked: true, consumed: true };
    await toolbox.run(commitArgv([`dir=${root}`], options));
  });
}

/**
 * Runs scripts inside a tree, a hard-link checkout, by a stage's shell script that takes the tree and the directory of
 * the scripts; shows what they print. Throws E_RUN with the script and its last lines.
 */
export async function runInside(
  build: BuildEnvironment,
  root: string,
  { name, point, scripts }: { name: string; point: RunPoint; scripts: readonly RunScript[] },
): Promise<void> {
  const dir = `${build.work}/scripts-${point}`;
  await writeScripts(build.toolbox, dir, scripts);
  const output = new ScriptOutput(scripts, point);
  const running = build.toolbox.run(emulatedScriptArgv(name, await build.emulation(), root, dir), {
    isolate: true,
    env: environment,
    check: false,
    timeoutMs: build.scriptLimitMs,
    onLine: (line) => {
      const shown = leftRunning(line) ?? output.take(line);
      if (shown !== null) build.progress.note(shown);
    },
  });
  const result = await running.catch((error) => {
    throw error instanceof TimedOut ? output.timeout(build.scriptLimitMs) : error;
  });
  if (result.exitCode !== 0) throw output.failure(result.exitCode, result.stderr);
  await build.toolbox.run(['rm', '-rf', '--one-file-system', dir]);
}
