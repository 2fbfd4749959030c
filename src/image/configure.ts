import { LockstepError } from '../errors/index.ts';
import { commitArgv } from '../ostree/commit.ts';
import type { Stage } from '../progress/progress.ts';
import { TimedOut } from '../toolbox/tool-failure.ts';
import { configureFailure, configureTimeout } from './configure-failure.ts';
import { configureAgain, rememberConfigured, reuseKey } from './configured-before.ts';
import { killedPrograms, leftRunning } from './leftovers.ts';
import type { MergeResult } from './merge.ts';
import { type RunScript, ScriptOutput, scriptsDigest, writeScripts } from './run-script.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, sourceDateEpoch, stageRef } from './stage.ts';
import { emulatedScriptArgv, stageScript } from './stage-script.ts';
import { writeAdminFiles } from './unpack/admin-directory.ts';
import { planRoot, type RootPlan } from './unpack/unpack-root.ts';

/** Raised when the same tree would be configured otherwise than before, beside what the script and the environment say. */
const format = '5';

const environment = { SOURCE_DATE_EPOCH: sourceDateEpoch, DEBCONF_NONINTERACTIVE_SEEN: 'true' };

/**
 * Runs the maintainer scripts of an unpacked tree, under emulation where the architecture is a foreign one. The project's
 * own scripts run once the essential packages are configured.
 */
export async function configure(
  build: BuildEnvironment,
  unpacked: MergeResult,
  scripts: readonly RunScript[],
): Promise<StageResult> {
  const how = [format, scriptsDigest(scripts), stageScript('configure'), JSON.stringify(environment)];
  const digest = digestOf('configured', unpacked.digest, ...how);
  const ref = stageRef('configured', digest);
  return cachedStage(build, { name: 'configure', ref, digest }, async (stage) => {
    const root = `${build.work}/configure`;
    const options = { repo: build.repo, ref, subject: 'configured', linked: true, consumed: true };
    const commit = async () => (await build.toolbox.run(commitArgv([`dir=${root}`], options))).stdout.trim();
    const plan = planRoot(await unpacked.unpacking());
    const key = reuseKey(plan, await build.emulation(), how);
    if (await configureAgain(build, key, unpacked.commit, plan, root)) {
      await commit();
      return 'reused';
    }
    const attempt = async () => {
      await checkout(build, unpacked.commit, root);
      await writeAdminFiles(build, root, plan.admin);
      return runScripts(build, root, plan, scripts, stage);
    };
    const output = await attempt();
    const killed = killedPrograms(output);
    if (killed.length > 0) {
      build.progress.note(`killed while scripts ran that did not mind: ${killed.join(', ')}; they run once more`);
      await build.toolbox.run(['rm', '-rf', '--one-file-system', root]);
      assertKnown(killed, killedPrograms(await attempt()));
    }
    const configured = await commit();
    // What something was ended of is told again in each build.
    if (killed.length > 0 || output.some((line) => leftRunning(line) !== null)) return;
    await rememberConfigured(build, key, { unpacked: unpacked.commit, configured, plan, root });
  });
}

/** Hard links: scripts write to a mount above it. */
async function checkout({ toolbox, repo }: BuildEnvironment, commit: string, root: string): Promise<void> {
  await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', commit, root]);
}

/** What is killed each time, a script kills itself. Throws E_CONFIGURE for anything else: nobody knows what was left out. */
function assertKnown(killed: readonly string[], again: readonly string[]): void {
  const others = [...again];
  for (const name of killed) if (others.includes(name)) others.splice(others.indexOf(name), 1);
  if (others.length === 0) return;
  const message = `programs were killed while the image was configured: ${killed.join(', ')}, then ${again.join(', ')}`;
  throw new LockstepError('E_CONFIGURE', message, { hint: 'does this machine run out of memory?' });
}

/** Returns the lines of the output; leftovers.ts reads what they tell. */
async function runScripts(
  build: BuildEnvironment,
  root: string,
  { steps, conffiles }: RootPlan,
  scripts: readonly RunScript[],
  stage: Stage,
): Promise<string[]> {
  const scriptsDir = `${build.work}/scripts-unpacked`;
  if (scripts.length > 0) await writeScripts(build.toolbox, scriptsDir, scripts);
  const scriptOutput = new ScriptOutput(scripts, 'unpacked');
  const output: string[] = [];
  const argv = emulatedScriptArgv('configure', await build.emulation(), root, build.repo, steps);
  const running = build.toolbox.run(argv, {
    isolate: true,
    input: conffiles,
    env: { ...environment, LOCKSTEP_SCRIPTS: scriptsDir },
    check: false,
    timeoutMs: build.scriptLimitMs,
    onLine: (line) => {
      output.push(line);
      const shown = leftRunning(line) ?? scriptOutput.take(line);
      if (shown !== null) build.progress.note(shown);
      const [, name] = /^Setting up (\S+)/.exec(line) ?? [];
      if (name !== undefined) stage.advance({ count: 1, detail: name });
    },
  });
  const { exitCode, stderr } = await running.catch((error) => {
    if (error instanceof TimedOut && !scriptOutput.running) throw configureTimeout(output, build.scriptLimitMs);
    throw error instanceof TimedOut ? scriptOutput.timeout(build.scriptLimitMs) : error;
  });
  if (exitCode === 0) return output;
  throw scriptOutput.running ? scriptOutput.failure(exitCode, stderr) : configureFailure(output);
}
