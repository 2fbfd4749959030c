import path from 'node:path';
import { execa } from 'execa';
import type { Outcome } from '../../src/commands/verb.ts';
import { projectRoot } from './lockstep.ts';

export interface Run {
  exitCode: number;
  stderr: string;
  outcome: Outcome;
}

/** `lockstep update` from the sources, by the host toolbox unless told otherwise, in a project's directory. */
export async function updateIn(dir: string, ...args: string[]): Promise<Run> {
  const toolbox = args.includes('--toolbox') ? [] : ['--toolbox', 'host'];
  const argv = ['--import', 'tsx', path.join(projectRoot, 'src/cli.ts'), 'update', ...toolbox, ...args];
  const options = { cwd: projectRoot, reject: false, timeout: 120_000 } as const;
  const { exitCode, stdout, stderr } = await execa('node', [...argv, '-C', dir, '--json'], options);
  if (stdout === '') throw new Error(stderr);
  return { exitCode: exitCode ?? -1, stderr, outcome: JSON.parse(stdout) as Outcome };
}
