import { createHash } from 'node:crypto';
import type { Progress, Stage } from '../progress/progress.ts';
import { resourceText } from '../resources.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** What every stage of a build works with. */
export interface BuildEnvironment {
  toolbox: Toolbox;
  progress: Progress;
  signal: AbortSignal;
  /** The build repository. */
  repo: string;
  /** An empty directory of this build alone, on the file system of the repository. */
  work: string;
}

/** A stage as `--json` tells it. */
export interface StageReport {
  name: string;
  ms: number;
  cached: boolean;
}

/** The name of a stage's result: a digest of everything that it depends on. */
export function digestOf(...inputs: (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

/** The ref that holds a stage's result. */
export function stageRef(stage: string, digest: string): string {
  return `lockstep/${stage}/${digest}`;
}

/** The text of a stage's shell script, with the functions that it uses before it. */
export function stageScript(name: string): string {
  return `${resourceText('stages/api-filesystems.sh')}\n${resourceText(`stages/${name}.sh`)}`;
}

/** argv that runs a stage's script with arguments. */
export function scriptArgv(name: string, ...args: string[]): string[] {
  return ['bash', '-euc', stageScript(name), name, ...args];
}

/** Runs the stage unless its ref is there already; returns the commit that the ref names. */
export async function cachedStage(
  environment: BuildEnvironment,
  name: string,
  ref: string,
  reports: StageReport[],
  make: (stage: Stage) => Promise<void>,
): Promise<string> {
  const started = performance.now();
  const stage = environment.progress.stage(name);
  try {
    const known = await resolveRef(environment, ref);
    if (known === null) await make(stage);
    const commit = known ?? (await resolveRef(environment, ref)) ?? '';
    reports.push({ name, ms: Math.round(performance.now() - started), cached: known !== null });
    stage.done(commit.slice(0, 12), { cached: known !== null });
    return commit;
  } catch (error) {
    stage.fail();
    throw error;
  }
}

async function resolveRef({ toolbox, repo }: BuildEnvironment, ref: string): Promise<string | null> {
  const { exitCode, stdout } = await toolbox.run(['ostree', `--repo=${repo}`, 'rev-parse', ref], { check: false });
  return exitCode === 0 ? stdout.trim() : null;
}
