import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The command lines of all processes that were seen on this machine while the work was done. */
export async function commandLinesDuring(work: Promise<unknown>): Promise<Set<string>> {
  const seen = new Set<string>();
  const state = { done: false };
  const finish = () => {
    state.done = true;
  };
  work.then(finish, finish);
  while (!state.done) {
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      seen.add(line.replaceAll('\0', ' ').trim());
    }
    await sleep(2);
  }
  return seen;
}
