import { readFile } from 'node:fs/promises';

/** A process by number and start time: a number alone may belong to a later process by now. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  startTime: string;
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, startTime: await startTimeOf(pid) };
}

export async function isAlive({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  return startTime !== '' && (await startTimeOf(pid)) === startTime;
}

/** Empty when there is no such process, or only its zombie. */
async function startTimeOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
