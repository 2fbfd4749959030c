import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../errors/index.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { toolEnvironment } from './tool-failure.ts';
import type { DaemonSpec } from './toolbox.ts';
import { withUmask } from './umask.ts';

/** Where pid files of daemons are: away from the project, so that a deleted project directory does not hide a running one. */
const runDir =
  process.getuid?.() === 0
    ? '/run/lockstep'
    : path.join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `lockstep-${process.getuid?.()}`);

const pidFile = (name: string) => path.join(runDir, `${name}.pid`);

export async function startDaemon(spec: DaemonSpec): Promise<void> {
  await mkdir(runDir, { recursive: true });
  const log = await open(spec.log, 'a', 0o644);
  try {
    const [program, ...args] = spec.argv;
    const child = withUmask(() =>
      spawn(program ?? '', args, {
        cwd: spec.cwd,
        env: toolEnvironment,
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
      }),
    );
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new LockstepError('E_TOOLBOX_TOOL', `cannot start ${program}: ${cause.message}`, { cause })),
      );
    });
    child.unref();
    await writeFile(pidFile(spec.name), JSON.stringify(await identify(child.pid ?? 0)));
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
    const identity = JSON.parse(await readFile(pidFile(name), 'utf8')) as ProcessIdentity;
    return (await isAlive(identity)) ? identity.pid : null;
  } catch {
    return null;
  }
}

/** A daemon leads a process group of its own, so that what it started ends with it. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // Gone in between.
  }
}
