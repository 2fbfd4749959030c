import path from 'node:path';
import { execa } from 'execa';
import type { Outcome } from '../../src/commands/verb.ts';

export const projectRoot = path.resolve(import.meta.dirname, '../..');
export const agent = path.join(projectRoot, 'resources/lockstep/agent.mjs');

export interface Answer {
  exitCode: number;
  outcome: Outcome;
  stderr: string;
}

/** Runs the agent as a pipeline does: the committed bundle, `--json`, in a project's directory. */
export async function lockstep(
  dir: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Answer> {
  const argv = [agent, ...args, '-C', dir, '--json'];
  const result = await execa('node', argv, { reject: false, stdin: 'ignore', env: environment, timeout: 60 * 60_000 });
  const parsed = JSON.parse(result.stdout || 'null') as Outcome | null;
  if (parsed === null) throw new Error(`lockstep ${args.join(' ')} printed no JSON:\n${result.stderr}`);
  return { exitCode: result.exitCode ?? -1, outcome: parsed, stderr: result.stderr };
}

/** The same for what must go well: throws with everything it said when it does not. */
export async function lockstepOk(
  dir: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Outcome> {
  const { exitCode, outcome, stderr } = await lockstep(dir, args, environment);
  if (exitCode !== 0) throw new Error(`lockstep ${args.join(' ')} ended with ${exitCode}:\n${stderr}`);
  return outcome;
}
