import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Counted } from '../reporter.ts';
import type { Job } from './plan.ts';

export interface Ended extends Counted {
  job: Job;
  ms: number;
  /** What the process wrote to stdout and stderr. */
  output: string;
}

export interface Site {
  /** Of the project. */
  root: string;
  /** All temporary files of the run lie here, this process's own in `.runner`. */
  directory: string;
  /** When it fires, the process and its group are told to end. */
  signal: AbortSignal;
  /** How long a process may take. */
  limitMs: number;
}

/** What a process has for its exit once its tests have ended. */
const lingerMs = 30_000;

/** What a process that is told to end has for it, before it is killed. */
const graceMs = 5_000;

/**
 * Runs a job's files in a mocha of their own, as `npx mocha FILE…` does. Whatever it comes to is a result: a process
 * that ends otherwise than its counts say counts as one failure more.
 */
export async function runMocha(job: Job, { root, directory, signal, limitMs }: Site): Promise<Ended> {
  const own = path.join(directory, '.runner', job.name.replaceAll('/', '-'));
  const [log, result] = [`${own}.log`, `${own}.json`];
  // A file, not a pipe: a daemon that holds on to its stdout must not hold the run up.
  const output = openSync(log, 'w');
  const began = performance.now();
  const child = spawn(process.execPath, [path.join(root, 'node_modules/mocha/bin/mocha.js'), ...job.files], {
    cwd: root,
    // A group, and a session, of its own: what is typed on the terminal reaches the runner alone.
    detached: true,
    env: { ...process.env, TMPDIR: directory, LOCKSTEP_TEST_SHARED: directory, LOCKSTEP_TEST_RESULT: result },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const stop = () => end(child.pid);
  let over: string | null = null;
  const giveUp = (why: string) => {
    over ??= why;
    stop();
  };
  const timer = setTimeout(() => giveUp(`was still at its tests after ${limitMs / 60_000} minutes`), limitMs);
  const watch = watchFor(result, () => giveUp('did not end after its tests: something is left open'));
  signal.addEventListener('abort', stop, { once: true });
  const how = await new Promise<string | number>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('exit', (code, killer) => resolve(code ?? killer ?? 'nothing'));
  });
  clearTimeout(timer);
  clearInterval(watch);
  signal.removeEventListener('abort', stop);
  const ms = performance.now() - began;
  const counted = judged(job, await countedIn(result), over ?? `ended with ${how}`, how === 0);
  const text = await readFile(log, 'utf8');
  await Promise.all([log, result].map((file) => rm(file, { force: true })));
  return { job, ms, output: text, ...counted };
}

/** Null when the process did not come to the end of its tests. */
async function countedIn(file: string): Promise<Counted | null> {
  return readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Counted,
    () => null,
  );
}

function judged(job: Job, counted: Counted | null, how: string, well: boolean): Counted {
  const wrong = (reason: string, from: Counted): Counted => {
    const failures = from.failures + 1;
    return { ...from, failures, shown: `${from.shown}\n\n  ${failures}) ${job.name}:\n     ${reason}\n` };
  };
  if (counted === null)
    return wrong(`its process ${how} before its tests had`, { passes: 0, failures: 0, pending: 0, shown: '' });
  if (counted.passes + counted.failures + counted.pending === 0) return wrong('there is no test in it', counted);
  // mocha's exit code is the number of failures.
  if (well !== (counted.failures === 0))
    return wrong(`its process ${how}, though ${counted.failures} of its tests failed`, counted);
  return counted;
}

/** Calls `late` when a process is still there that long after it has written its result. */
function watchFor(file: string, late: () => void): NodeJS.Timeout {
  let since: number | null = null;
  return setInterval(() => {
    if (since === null && existsSync(file)) since = performance.now();
    if (since !== null && performance.now() - since > lingerMs) late();
  }, 1_000);
}

function end(pid: number | undefined): void {
  if (pid === undefined) return;
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs).unref();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
