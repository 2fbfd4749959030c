import type { DeviceConfig } from '../config/types.ts';
import { eachDevice } from '../device/each.ts';
import { catalogue } from '../errors/index.ts';
import { type DeviceResult, type RunResult, readResult } from '../report/result.ts';
import { countsOf } from '../report/summary.ts';
import { discoverTests } from '../testing/discover.ts';
import { type TestedDevice, testOnDevice } from '../testing/on-device.ts';
import { packTests } from '../testing/pack.ts';
import { casesOf, isFailure } from '../testing/results.ts';
import type { Suite } from '../testing/run.ts';
import { type Context, type Outcome, ok } from './verb.ts';

/** The tests of the project, as every device gets them. Throws E_TESTS_MISSING. */
export async function loadSuite(context: Context): Promise<Suite> {
  const { dir } = (await context.config()).tests;
  const tests = await discoverTests(dir);
  return { tests, archive: await packTests(dir) };
}

/** Runs the tests on several devices at once. `commits`: by device name, what each should run. */
export async function testDevices(
  context: Context,
  devices: readonly DeviceConfig[],
  suite: Suite,
  commits: ReadonlyMap<string, string>,
): Promise<TestedDevice[]> {
  const { progress, signal, environment } = context;
  const workspace = await context.workspace();
  const { timeoutMs } = (await context.config()).tests;
  const rest = { suite, timeoutMs, workspace, progress, signal, environment };
  return eachDevice(devices, (device) => testOnDevice(device, { ...rest, commit: commits.get(device.name) ?? null }));
}

/** The results of the run before; damaged ones count as none, since they are about to be replaced. */
export async function resultBefore(context: Context): Promise<RunResult | null> {
  const { run } = await context.workspace();
  return readResult(run).catch(() => null);
}

/** An entry of the outcome's `devices`, as far as tests go. */
export function testFields(device: DeviceResult) {
  const { tests, failed, skipped } = countsOf(device);
  // Every test runs once, so none can be seen to be flaky.
  return { name: device.name, tests, failed, skipped, flaky: 0 };
}

/** What tested devices come to: devices that could not be tested weigh more than tests that failed. */
export function judgeTests(
  devices: readonly DeviceResult[],
  message: string,
  fields: Record<string, unknown>,
): Outcome {
  const lost = devices.find(({ failure }) => failure !== null)?.failure;
  if (lost != null) {
    const told = devices.flatMap(({ failure }) => (failure === null ? [] : [failure.message]));
    const hint = catalogue[lost.code].remedy;
    return { outcome: 'failed', code: lost.code, message: [message, ...told].join('\n'), hint, ...fields };
  }
  const failed = devices.flatMap(({ name, tests }) =>
    tests
      .flatMap(casesOf)
      .filter(isFailure)
      .map((one) => `${name}: ${one.name}: ${one.message ?? one.status}`),
  );
  if (failed.length === 0) return ok(message, fields);
  const hint = 'The report is .lockstep/run/report/index.html.';
  return { outcome: 'unstable', code: 'E_TESTS_FAILED', message: [message, ...failed].join('\n'), hint, ...fields };
}
