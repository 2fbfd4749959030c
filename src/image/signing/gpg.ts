import { spawn } from 'node:child_process';
import { LockstepError } from '../../errors/index.ts';

export interface GpgOptions {
  /** Environment of the agent's user: where gpg finds its home, its agent, and a way to ask for a passphrase. */
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  input?: Buffer;
  /** Goes to file descriptor 3 (`--passphrase-fd 3`), where no list of processes shows it. */
  passphrase?: string | null;
}

export interface GpgResult {
  exitCode: number;
  stdout: Buffer;
  /** What gpg tells programs (DETAILS of GnuPG, "Format of the --status-fd output"), without its prefix; and people. */
  status: string[];
  messages: string[];
}

/** An agent may ask its user for the passphrase; it must not hold a node for ever. */
const timeoutMs = 3 * 60_000;

const prefix = '[GNUPG:] ';

/**
 * Runs gpg or gpgv on this machine, not in the toolbox, where no secret key belongs. Throws E_SIGN_GPG when it cannot be
 * started or does not end, E_INTERRUPTED; how it judged is for the caller to see.
 */
export async function runGpg(
  program: 'gpg' | 'gpgv',
  args: readonly string[],
  { environment, signal, input = Buffer.alloc(0), passphrase }: GpgOptions,
): Promise<GpgResult> {
  const child = spawn(program, ['--status-fd', '2', ...args], {
    env: { ...environment, LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    signal,
  });
  // Not the option of spawn(), whose timer keeps an agent without gpg waiting till it is up.
  const limit = setTimeout(() => child.kill(), timeoutMs);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  feed(child.stdin, input);
  feed(child.stdio[3] as NodeJS.WritableStream, Buffer.from(passphrase == null ? '' : `${passphrase}\n`));
  const exitCode = await ended
    .finally(() => clearTimeout(limit))
    .catch((error: NodeJS.ErrnoException) => {
      throw signal.aborted ? new LockstepError('E_INTERRUPTED', 'interrupted') : notStarted(program, error);
    });
  if (exitCode === -1) throw new LockstepError('E_SIGN_GPG', `${program} did not end within ${timeoutMs / 1000} s`);
  const lines = Buffer.concat(err).toString().split('\n');
  const status = lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
  const messages = lines.filter((line) => line !== '' && !line.startsWith(prefix));
  return { exitCode, stdout: Buffer.concat(out), status, messages };
}

/** A program that ends without reading is judged by its exit code, not by the broken pipe. */
function feed(stream: NodeJS.WritableStream, bytes: Buffer): void {
  stream.on('error', () => {});
  stream.end(bytes);
}

function notStarted(program: string, cause: NodeJS.ErrnoException): LockstepError {
  return new LockstepError('E_SIGN_GPG', `cannot start ${program} on this machine: ${cause.message}`, {
    hint: `install the package ${program}, or build with --no-sign`,
    cause,
  });
}
