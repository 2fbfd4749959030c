import { execa } from 'execa';
import { LockstepError } from '../errors/index.ts';

export interface GitResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface GitOptions {
  /** Text for stdin; nothing otherwise. */
  input?: string;
  /** Added to the environment: identities of a commit. */
  env?: Record<string, string>;
  /** Milliseconds; a minute by default, ten for what talks to a remote. */
  timeoutMs?: number;
  /** false: return whatever the exit code is. */
  check?: boolean;
}

/** git in one directory. */
export type Git = (args: readonly string[], options?: GitOptions) => Promise<GitResult>;

const localMs = 60_000;
const remoteMs = 600_000;
const remoteVerbs = new Set(['fetch', 'ls-remote', 'push']);

/**
 * git without a shell, without prompts (it fails where it would ask for a password) and in the language that can be
 * parsed. Paths are literal. Throws E_GIT with git's last lines, E_INTERRUPTED when the signal fires.
 */
export function gitIn(directory: string, environment: NodeJS.ProcessEnv, signal?: AbortSignal): Git {
  return async (args, options = {}) => {
    const verb = args[0] ?? '';
    const timeout = options.timeoutMs ?? (remoteVerbs.has(verb) ? remoteMs : localMs);
    const result = await execa('git', ['--literal-pathspecs', ...args], {
      cwd: directory,
      env: { ...environment, ...options.env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
      extendEnv: false,
      ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
      timeout,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      stripFinalNewline: false,
      reject: false,
    });
    if (result.isCanceled) throw new LockstepError('E_INTERRUPTED', `Interrupted in \`git ${verb}\``);
    if (result.timedOut) {
      throw new LockstepError('E_GIT', `\`git ${verb}\` in ${directory} did not end within ${timeout / 1000} s`);
    }
    if (result.exitCode === undefined) {
      const reason = result.shortMessage ?? 'it could not be started';
      throw new LockstepError('E_GIT', `\`git ${verb}\` in ${directory} did not run: ${reason}`, { cause: result });
    }
    if (result.exitCode !== 0 && options.check !== false)
      throw failure(directory, args, result.stderr, result.exitCode);
    return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };
}

function failure(directory: string, args: readonly string[], stderr: string, exitCode: number): LockstepError {
  const lines = stderr.trimEnd().split('\n').slice(-6).join('\n');
  return new LockstepError('E_GIT', `\`git ${args[0]}\` in ${directory} failed (exit ${exitCode}): ${lines}`, {
    ...hintFor(stderr),
  });
}

function hintFor(stderr: string): { hint?: string } {
  if (/tell me who you are|empty ident|auto-detect email/i.test(stderr)) {
    return { hint: 'Set user.name and user.email of git, or give `--author "Name <mail@host>"`.' };
  }
  if (/terminal prompts disabled|could not read Username|Permission denied \(publickey/i.test(stderr)) {
    return { hint: 'git has no credentials for the remote: give it a credential helper or an ssh key.' };
  }
  return {};
}
