import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Stage } from '../progress/progress.ts';
import { saveArtifacts } from './artifacts.ts';
import { saveJournal } from './journal.ts';
import { clean, prepare, upload } from './remote-scripts.ts';
import type { DeviceTests, TestResult } from './results.ts';
import { runProgram } from './run-program.ts';
import { interrupted, interruptible, type TestSession } from './session.ts';

/** What every device gets: made once by the caller. */
export interface Suite {
  /** Paths relative to the tests directory, as discoverTests gives them. */
  tests: readonly string[];
  /** The tests directory as tar, as packTests gives it. */
  archive: Buffer;
}

export interface RunTestsOptions {
  device: string;
  /** Becomes the tests' environment beside LOCKSTEP_ARTIFACTS: LOCKSTEP_DEVICE, LOCKSTEP_IMAGE, LOCKSTEP_COMMIT. */
  environment: Record<string, string>;
  /** For each test, in milliseconds. */
  timeoutMs: number;
  /** Directory of the device's results: journal.log and artifacts/ go there. */
  results: string;
  stage: Stage;
  signal: AbortSignal;
  /** Directories on the device that may hold the tests, best first. */
  scratchBases?: readonly string[];
  /** How much longer than the limit the agent waits before it takes the link for hung, in milliseconds. */
  slackMs?: number;
  /** From the signal that asks a test to end to the one that ends it, in milliseconds. */
  graceMs?: number;
}

const shortMs = 60_000;

/**
 * Runs the tests one after the other on one device. A test that fails, hangs or is lost with its device is a result,
 * not an error: this throws only when the tests could not be put on the device, or E_INTERRUPTED.
 */
export async function runTests(session: TestSession, suite: Suite, options: RunTestsOptions): Promise<DeviceTests> {
  const { device } = options;
  await mkdir(options.results, { recursive: true });
  const mark = randomUUID();
  const login = interruptible(session, device, options.signal);
  const scratch = await prepareScratch(login, suite, options.scratchBases ?? ['/run', '/var/tmp', '/tmp']);
  const outcome: DeviceTests = { device, tests: [], artifacts: [], notes: [] };
  try {
    await login.script(upload, { args: [scratch], input: suite.archive, timeoutMs: 10 * shortMs });
    outcome.tests = await runEach(login, suite, { ...options, scratch, mark });
    if (session.alive) {
      const saved = await saveArtifacts(login, scratch, path.join(options.results, 'artifacts'));
      outcome.artifacts = saved.files;
      outcome.notes.push(...saved.notes);
      outcome.notes.push(...(await saveJournal(login, path.join(options.results, 'journal.log'))));
    }
    throwIfInterrupted(options);
  } finally {
    // When the link is gone there is nobody to clean with; /run is memory, and the time limit ends the test.
    const timeoutMs = options.signal.aborted ? 10_000 : shortMs;
    if (session.alive) await session.script(clean, { args: [scratch, mark], timeoutMs }).catch(() => {});
  }
  return outcome;
}

async function prepareScratch(session: TestSession, suite: Suite, bases: readonly string[]): Promise<string> {
  // As much again for what the tests leave behind, and not less than a few MiB.
  const need = Math.ceil((2 * suite.archive.length) / 1024) + 4096;
  const { stdout } = await session.script(prepare, { args: [String(need), ...bases], timeoutMs: shortMs });
  return stdout.trim();
}

type EachOptions = RunTestsOptions & { scratch: string; mark: string };

async function runEach(session: TestSession, suite: Suite, options: EachOptions): Promise<TestResult[]> {
  const results: TestResult[] = [];
  let lostDuring: string | null = null;
  for (const name of suite.tests) {
    options.stage.advance({ detail: name });
    if (lostDuring !== null) {
      results.push(notRun(name, `not run: the device was lost during ${lostDuring}`));
    } else {
      results.push(await runProgram(session, name, options));
      throwIfInterrupted(options);
      if (!(await answers(session, results.at(-1)!))) lostDuring = name;
    }
    options.stage.advance({ count: 1 });
  }
  return results;
}

function throwIfInterrupted({ signal, device }: RunTestsOptions): void {
  if (signal.aborted) throw interrupted(device);
}

/** After a test that the agent gave up on, a link may look alive and be dead: ask before the next one waits as long. */
async function answers(session: TestSession, last: TestResult): Promise<boolean> {
  if (!session.alive) return false;
  if (last.status === 'passed' || last.status === 'skipped') return true;
  return session.script('true', { timeoutMs: 15_000 }).then(
    () => true,
    () => false,
  );
}

/** A test that could not be run: an error in every report, never a pass. */
export function notRun(name: string, message: string): TestResult {
  return { name, status: 'error', ms: 0, message, output: '', points: [] };
}
