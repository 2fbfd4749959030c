import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Does `work` while no other process that names the same file does; the kernel drops the lock of one that dies. */
export async function oneAtATime<T>(file: string, work: () => Promise<T>): Promise<T> {
  // `cat` ends with its input: when this process is done, or is no more.
  const holder = spawn('flock', ['--no-fork', file, 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    await Promise.race([once(holder.stdout, 'data'), failed(holder)]);
    return await work();
  } finally {
    holder.stdin.end();
  }
}

async function failed(holder: ReturnType<typeof spawn>): Promise<never> {
  const [code] = await once(holder, 'exit');
  throw new Error(`flock ended with ${code}`);
}
