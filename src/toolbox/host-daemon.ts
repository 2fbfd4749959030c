import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../errors/index.ts';
import { toolEnvironment } from './tool-failure.ts';
import type { DaemonSpec } from './toolbox.ts';

/** Where pid files of daemons are: away from the project, so that a deleted project directory does not hide a running one. */
const runDir = '/run/lockstep';

const pidFile = (name: string) => path.join(runDir, `${name}.pid`);

/** A pid alone can be another process by now: the start time in clock ticks (field 22 of /proc/PID/stat) tells them apart. */
interface DaemonMark {
  pid: number;
  startTime: string;
}

export async function startDaemon(spec: DaemonSpec): Promise<void> {
  await mkdir(runDir, { recursive: true });
  const log = await open(spec.log, 'a', 0o644);
  try {
    const [program, ...args] = spec.argv;
    const child = spawn(program ?? '', args, {
      cwd: spec.cwd,
      env: toolEnvironment,
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new LockstepError('E_TOOLBOX_TOOL', `cannot start ${program}: ${cause.message}`, { cause })),
      );
    });
    child.unref();
    const pid = child.pid ?? 0;
    await writeFile(
      pidFile(spec.name),
      JSON.stringify({ pid, startTime: await startTimeOf(pid) } satisfies DaemonMark),
    );
  } finally {
    await log.close();
  }
}

export async function daemonRunning(name: string): Promise<boolean> {
  return (await livingPid(name)) !== null;
}

export async function stopDaemon(name: string, { kill = false }: { kill?: boolean } = {}): Promise<void> {
  const pid = await livingPid(name);
  if (pid !== null) {
    signal(pid, kill ? 'SIGKILL' : 'SIGTERM');
    for (let waited = 0; (await livingPid(name)) !== null && waited < 10_000; waited += 50) await sleep(50);
    if ((await livingPid(name)) !== null) signal(pid, 'SIGKILL');
    for (let waited = 0; (await livingPid(name)) !== null && waited < 5_000; waited += 50) await sleep(50);
  }
  await rm(pidFile(name), { force: true });
}

async function livingPid(name: string): Promise<number | null> {
  try {
    const mark = JSON.parse(await readFile(pidFile(name), 'utf8')) as DaemonMark;
    return (await startTimeOf(mark.pid)) === mark.startTime && mark.startTime !== '' ? mark.pid : null;
  } catch {
    return null;
  }
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

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in between.
  }
}
