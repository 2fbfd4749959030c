import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A GNUPGHOME for one run. */
export interface PrivateHome {
  path: string;
  /** Ends its agent and takes it away. Safe to call twice. */
  close(): Promise<void>;
}

/** gpg's agent listens on a socket in it: the path of a socket has 107 bytes at most. */
const longestPath = 70;

/** Waits for the end of its stdin, which comes however this process ends. */
const janitor = `
cat >/dev/null
gpgconf --homedir "$1" --kill gpg-agent
gpgconf --homedir "$1" --remove-socketdir
rm -rf -- "$1"`;

/**
 * A directory that only this user can enter, outside the project: a builder container sees the project. A process of its
 * own takes it away with its agent, also when this one is killed.
 */
export async function openPrivateHome(environment: NodeJS.ProcessEnv): Promise<PrivateHome> {
  const home = await mkdtemp(path.join(await directoryFor(environment), 'lockstep-gpg-'));
  const child = spawn('sh', ['-c', janitor, 'sh', home], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = once(child, 'close');
  child.stdin.on('error', () => {});
  const close = async () => {
    child.stdin.end();
    await ended;
  };
  return { path: home, close };
}

/** The user's own directory in memory where there is one. */
async function directoryFor({ XDG_RUNTIME_DIR: runtime }: NodeJS.ProcessEnv): Promise<string> {
  if (runtime !== undefined && runtime.length <= longestPath && (await stat(runtime).catch(() => null)) !== null) {
    return runtime;
  }
  return tmpdir().length <= longestPath ? tmpdir() : '/tmp';
}
