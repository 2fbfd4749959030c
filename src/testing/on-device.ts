import path from 'node:path';
import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { connectionOf } from '../device/ssh/connection.ts';
import type { Session } from '../device/ssh/session.ts';
import { connect } from '../device/ssh/ssh.ts';
import { type ErrorCode, LockstepError } from '../errors/index.ts';
import type { Progress, Stage } from '../progress/progress.ts';
import { casesOf, countCases, countsText, type DeviceTests, isFailure } from './results.ts';
import { notRun, runTests, type Suite } from './run.ts';

export interface OnDeviceOptions {
  suite: Suite;
  /** The commit that the device should run, which the tests learn; null: not known. */
  commit: string | null;
  /** For each test, in milliseconds. */
  timeoutMs: number;
  /** Results go below its `run`. */
  workspace: Workspace;
  progress: Progress;
  signal: AbortSignal;
  environment: NodeJS.ProcessEnv;
}

export interface TestedDevice extends DeviceTests {
  /** Why the tests could not be run, or not all of them; null: they ran, whatever they said. */
  failure: { code: ErrorCode; message: string } | null;
}

/**
 * Logs in to a device and runs the tests there. Throws only E_INTERRUPTED: a device that does not answer is a result,
 * with every test as an error.
 */
export async function testOnDevice(device: DeviceConfig, options: OnDeviceOptions): Promise<TestedDevice> {
  const { suite, progress } = options;
  const stage = progress.stage(`test ${device.name}`, { total: suite.tests.length, unit: 'tests' });
  try {
    const outcome = await testing(device, options, stage);
    const counts = countCases(outcome.tests.flatMap(casesOf));
    const failure = lossOf(outcome);
    if (outcome.tests.some(isFailure)) stage.fail();
    else stage.done(countsText(counts));
    return { ...outcome, failure };
  } catch (error) {
    stage.fail();
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    const { code, message } = error;
    const tests = suite.tests.map((name) => notRun(name, `not run: ${message}`));
    return { device: device.name, tests, artifacts: [], notes: [], failure: { code, message } };
  }
}

async function testing(device: DeviceConfig, options: OnDeviceOptions, stage: Stage): Promise<DeviceTests> {
  const session = await login(device, options);
  try {
    return await runTests(session, options.suite, {
      device: device.name,
      environment: environmentOf(device, options.commit),
      timeoutMs: options.timeoutMs,
      results: path.join(options.workspace.run, 'devices', device.name),
      stage,
      signal: options.signal,
    });
  } finally {
    await session.close();
  }
}

/**
 * The signal ends the wait for a login, but not the login itself: once it is there, it is needed to end on the device
 * what was started.
 */
async function login(device: DeviceConfig, { workspace, environment, signal }: OnDeviceOptions): Promise<Session> {
  const link = new AbortController();
  const abort = () => link.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await connect(await connectionOf(device, workspace), { signal: link.signal, environment });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function environmentOf({ name, image }: DeviceConfig, commit: string | null): Record<string, string> {
  const known = { LOCKSTEP_DEVICE: name, LOCKSTEP_IMAGE: image };
  return commit === null ? known : { ...known, LOCKSTEP_COMMIT: commit };
}

/** A test that could not be run to its end tells of the device, not of what was tested. */
function lossOf({ device, tests }: DeviceTests): TestedDevice['failure'] {
  const lost = tests.find(({ status }) => status === 'error');
  if (lost === undefined) return null;
  return { code: 'E_SSH_CUT', message: `device ${device} was lost during the test ${lost.name}: ${lost.message}` };
}
