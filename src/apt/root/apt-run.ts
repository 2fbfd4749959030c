import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { PrivateRoot } from './private-root.ts';
import { proxyEnvironment } from './proxy.ts';

export interface AptResult {
  exitCode: number;
  stdout: string;
  /** stdout, then the end of stderr: for what apt says, wherever it says it. */
  output: string;
}

export interface AptRunOptions {
  input?: string;
  onLine?: (line: string) => void;
  timeoutMs: number;
  environment?: NodeJS.ProcessEnv;
}

/** Runs a program of apt in a private root, whatever its exit code. Throws E_TOOLBOX_TOOL, E_INTERRUPTED, E_APT_FAILED. */
export async function runApt(
  toolbox: Toolbox,
  root: Pick<PrivateRoot, 'config'>,
  argv: readonly string[],
  { environment = process.env, ...options }: AptRunOptions,
): Promise<AptResult> {
  const env = { ...proxyEnvironment(environment), APT_CONFIG: root.config };
  try {
    const { exitCode, stdout, stderr } = await toolbox.run(argv, { ...options, env, check: false });
    if (exitCode === 127) throw missing(argv[0] ?? '');
    return { exitCode, stdout, output: `${stdout}\n${stderr}` };
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'E_TOOL_FAILED') {
      throw new LockstepError('E_APT_FAILED', `${argv.slice(0, 2).join(' ')}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function missing(program: string): LockstepError {
  return new LockstepError('E_TOOLBOX_TOOL', `the toolbox has no ${program}`, {
    hint: 'install `apt` there, or use another toolbox with `--toolbox`',
  });
}
