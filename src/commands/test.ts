import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DeviceConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { keepConsole } from '../report/console.ts';
import { tested, untested } from '../report/draft.ts';
import type { DeviceResult, RunResult } from '../report/result.ts';
import { summaryTable, totalOf } from '../report/summary.ts';
import { isDeployed } from '../testing/deployment.ts';
import { countsText } from '../testing/results.ts';
import { judgeTests, loadSuite, resultBefore, testDevices, testFields } from './device-tests.ts';
import { recorded } from './recorded.ts';
import type { Context, Outcome, Verb } from './verb.ts';

/** An outcome's device results ride along for `print` and are left out of --json, where the counts say it. */
const detail = new WeakMap<Outcome, readonly DeviceResult[]>();

/** `lockstep test`: runs the device tests on devices as they are. */
export const test: Verb = {
  name: 'test',
  summary: 'run the device tests on the devices',

  async run(context) {
    const devices = await context.devices();
    if (devices.length === 0) throw noDevice((await context.config()).file);
    const before = await resultBefore(context);
    let results: DeviceResult[] = [];
    const carry = devices.map(({ name }) => name);
    const outcome = await recorded(context, { carry }, async (inner, draft) => {
      const suite = await loadSuite(inner);
      draft.images = before?.images ?? [];
      draft.devices = devices.map((device) => untested(device, deploymentBefore(before, device)));
      const commits = await commitsOf(inner, draft.devices);
      const told = await testDevices(inner, devices, suite, commits);
      const workspace = await inner.workspace();
      await Promise.all(devices.map((device) => keepConsole(device, workspace)));
      draft.devices = draft.devices.map((result, index) => tested(result, told[index]!));
      results = draft.devices;
      const on = `on ${devices.length} device${devices.length === 1 ? '' : 's'}`;
      return judgeTests(results, `${countsText(totalOf(results))} ${on}`, { devices: results.map(testFields) });
    });
    detail.set(outcome, results);
    return outcome;
  },

  print(outcome) {
    const table = summaryTable(detail.get(outcome) ?? []);
    return `${table}\n${outcome.message}\nreport: ${outcome.report}`;
  },
};

function noDevice(file: string): LockstepError {
  return new LockstepError('E_NO_SUCH_DEVICE', `${file} defines no device to test`, {
    hint: 'Add one under `devices:`; `{virtual: true}` is enough to begin with.',
  });
}

/** A deployment that the last run recorded belongs to what the device runs now, if it went well. */
function deploymentBefore(before: RunResult | null, { name }: DeviceConfig): DeviceResult['deployment'] {
  const deployment = before?.devices.find((device) => device.name === name)?.deployment ?? null;
  return deployment !== null && isDeployed(deployment) ? deployment : null;
}

/** By device name: the commit that was deployed last, otherwise the one that its image's ref names, if there is one. */
async function commitsOf(context: Context, results: readonly DeviceResult[]): Promise<Map<string, string>> {
  const { images } = await context.config();
  const { repo } = await context.workspace();
  const commits = new Map<string, string>();
  for (const { name, image: imageName, deployment } of results) {
    const image = images.find((each) => each.name === imageName);
    const ref = image && path.join(repo, 'refs', 'heads', image.name, image.arch);
    const commit = deployment?.wanted ?? (ref && (await readFile(ref, 'utf8').catch(() => null)))?.trim();
    if (commit) commits.set(name, commit);
  }
  return commits;
}
