import Table from 'cli-table3';
import { formatElapsed } from '../progress/format.ts';
import { isDeployed } from '../testing/deployment.ts';
import { type Counts, casesOf, countCases, countsText, isFailure } from '../testing/results.ts';
import type { DeviceResult, ImageResult } from './result.ts';

/** What the tests of a device come to; TAP points count one by one. */
export function countsOf(device: Pick<DeviceResult, 'tests'>): Counts {
  return countCases(device.tests.flatMap(casesOf));
}

/** One line for a build's description: `panel 8f3a2c11 on 2 devices: 12 passed, 1 failed`. */
export function describeRun(images: readonly ImageResult[], devices: readonly DeviceResult[]): string {
  const what = images.map(({ name, commit }) => `${name} ${commit.slice(0, 8)}`).join(', ');
  const on = `on ${devices.length} device${devices.length === 1 ? '' : 's'}`;
  const bad = devices.filter(({ deployment }) => deployment !== null && !isDeployed(deployment));
  // Tests that could not be run there are told by the verdict.
  const total = totalOf(devices.filter((device) => !bad.includes(device)));
  const notDeployed = bad.map(({ name, deployment }) => `${name} ${deployment?.verdict}`);
  const counts = total.tests > 0 || notDeployed.length === 0 ? [countsText(total)] : [];
  const said = [...counts, ...notDeployed].join('; ');
  return `${[what, on].filter((part) => part !== '').join(' ')}: ${said}`;
}

/** All devices together. */
export function totalOf(devices: readonly DeviceResult[]): Counts {
  return countCases(devices.flatMap(({ tests }) => tests.flatMap(casesOf)));
}

/** The table that a run ends with on a terminal, and below it each case that failed. */
export function summaryTable(devices: readonly DeviceResult[]): string {
  const table = new Table({
    head: ['device', 'verdict', 'commit', 'passed', 'failed', 'skipped', 'took'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right'],
  });
  for (const device of devices) {
    const { passed, failed, skipped } = countsOf(device);
    const { deployment } = device;
    const ms = (deployment?.ms ?? 0) + device.tests.reduce((sum, test) => sum + test.ms, 0);
    const commit = deployment?.commit?.slice(0, 12) ?? '';
    table.push([device.name, deployment?.verdict ?? '', commit, passed, failed, skipped, formatElapsed(ms)]);
  }
  return [table.toString(), ...devices.flatMap(complaintsOf)].join('\n');
}

function complaintsOf({ name, deployment, failure, tests }: DeviceResult): string[] {
  const complaints = tests
    .flatMap(casesOf)
    .filter(isFailure)
    .map((failed) => `✗ ${name}  ${failed.name}  ${failed.message ?? ''}`.trimEnd());
  if (failure !== null) complaints.unshift(`✗ ${name}  ${failure.message}`);
  if (deployment !== null && deployment.reason !== null) complaints.unshift(`✗ ${name}  ${deployment.reason}`);
  return complaints;
}
