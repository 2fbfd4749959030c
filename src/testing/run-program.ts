import { runOne } from './remote-scripts.ts';
import { isFailure, type TestResult } from './results.ts';
import type { ScriptResult, TestSession } from './session.ts';
import { isTap, parseTap } from './tap.ts';

export interface ProgramOptions {
  environment: Record<string, string>;
  timeoutMs: number;
  scratch: string;
  mark: string;
  slackMs?: number;
  /** From the signal that asks a test to end to the one that ends it, in milliseconds. */
  graceMs?: number;
}

/** The most of a test's output that is kept, its end: failures are told there. */
const keepBytes = 1024 * 1024;

/** automake's convention: this test does not apply here. */
const skipCode = 77;

/** Runs one executable to its end or its limit. A lost device and a hung link are results, too: never rejects. */
export async function runProgram(session: TestSession, name: string, options: ProgramOptions): Promise<TestResult> {
  const limit = options.timeoutMs / 1000;
  const environment = Object.entries(options.environment).map(([key, value]) => `${key}=${value}`);
  const grace = String((options.graceMs ?? 5_000) / 1000);
  const args = [options.scratch, String(limit), String(keepBytes + 1), options.mark, grace, name, ...environment];
  const patience = options.timeoutMs + (options.slackMs ?? 20_000);
  const startedAt = performance.now();
  const base = { name, points: [] };
  try {
    const ran = session.script(runOne, { args, check: false, timeoutMs: patience });
    const result = await within(ran, patience);
    const ms = performance.now() - startedAt;
    const output = keepEnd(result.stdout + result.stderr);
    if (ms >= options.timeoutMs && (result.exitCode === 124 || result.exitCode === 137)) {
      return { ...base, status: 'failed', ms, message: timedOut(limit), output };
    }
    return judge(name, result.exitCode, ms, output);
  } catch (error) {
    const ms = performance.now() - startedAt;
    // With `check: false` a session that lives rejects only for the time limit.
    if (ms >= patience * 0.95) return { ...base, status: 'failed', ms, message: timedOut(limit), output: '' };
    const why = error instanceof Error ? error.message : String(error);
    return { ...base, status: 'error', ms, message: `lost: ${why}`, output: '' };
  }
}

/** The agent's own limit, for a session that does not keep its own. */
async function within(work: Promise<ScriptResult>, ms: number): Promise<ScriptResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

function timedOut(seconds: number): string {
  return `timed out after ${seconds} s`;
}

function keepEnd(output: string): string {
  const bytes = Buffer.from(output);
  if (bytes.length <= keepBytes) return output;
  return `[only the last MiB of the output was kept]\n${bytes.subarray(bytes.length - keepBytes).toString()}`;
}

function judge(name: string, exitCode: number, ms: number, output: string): TestResult {
  const plain = { name, ms, output, points: [] };
  if (exitCode === skipCode) return { ...plain, status: 'skipped', message: lastLine(output) ?? 'exit code 77' };
  if (isTap(output)) return judgeTap(plain, exitCode);
  if (exitCode === 0) return { ...plain, status: 'passed', message: null };
  return { ...plain, status: 'failed', message: withLastLine(exitMessage(exitCode), output) };
}

function judgeTap(plain: Omit<TestResult, 'status' | 'message'>, exitCode: number): TestResult {
  const { points, problem, skipped } = parseTap(plain.output);
  if (skipped !== null && exitCode === 0) return { ...plain, status: 'skipped', message: skipped };
  const pointsFailed = points.some(isFailure);
  // Most TAP producers exit with 1 or the number of failures when a point failed: that says nothing new.
  const crashed = exitCode > 128 || (exitCode !== 0 && !pointsFailed);
  const message = problem ?? (crashed ? exitMessage(exitCode) : null);
  return { ...plain, points, status: pointsFailed || message !== null ? 'failed' : 'passed', message };
}

function exitMessage(exitCode: number): string {
  if (exitCode === 126) return 'exit code 126: it cannot be executed on the device';
  if (exitCode === 127) return 'exit code 127: its interpreter or a command is not on the device';
  return exitCode > 128 ? `ended by signal ${exitCode - 128}` : `exit code ${exitCode}`;
}

function withLastLine(message: string, output: string): string {
  const last = lastLine(output);
  return last === null ? message : `${message}: ${last}`;
}

function lastLine(output: string): string | null {
  const line = output.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? null : line.slice(0, 300);
}
