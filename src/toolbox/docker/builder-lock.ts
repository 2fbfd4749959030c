import { spawn } from 'node:child_process';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

/**
 * Lets one agent of this user at a time do `work`, so that two that start together do not both make the
 * builder image; the kernel drops the lock with the process that holds it. Where there is no flock(1) the work is done
 * unguarded: done twice it is slower, not wrong.
 */
export async function withBuilderLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const file = path.join(tmpdir(), `lockstep-${userInfo().uid}-builder.lock`);
  // `cat` ends with its input: when this process releases the lock, or dies.
  const holder = spawn('flock', ['--no-fork', file, 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  holder.stdin.on('error', () => {});
  const stop = () => holder.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve) => {
      holder.stdout.once('data', () => resolve());
      holder.once('error', () => resolve());
      holder.once('close', () => resolve());
    });
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
    holder.stdin.end();
  }
}
