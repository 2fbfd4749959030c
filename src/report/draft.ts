import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { DeviceConfig, ImageConfig } from '../config/types.ts';
import { type Deployment, isDeployed } from '../testing/deployment.ts';
import type { TestedDevice } from '../testing/on-device.ts';
import { notRun } from '../testing/run.ts';
import { type DeviceResult, type ImageResult, shortOutput } from './result.ts';

/** What a run has come to so far. */
export interface Draft {
  images: ImageResult[];
  devices: DeviceResult[];
}

/** An entry of what `build` says under `images`, as far as a report needs it. */
export interface BuiltImage {
  name: string;
  ref: string;
  commit: string;
  lockDigest: string;
  stages: { name: string; ms: number; cached: boolean }[];
  /** Absolute paths of what it is made of, by format. */
  sbom?: Record<string, string>;
}

export function imageResult(built: BuiltImage, image: ImageConfig, changes: ImageResult['changes']): ImageResult {
  const { name, ref, commit, lockDigest, stages } = built;
  const plain = stages.map((stage) => ({ name: stage.name, ms: stage.ms, cached: stage.cached }));
  return { name, arch: image.arch, ref, commit, lockDigest, stages: plain, changes };
}

/** A device before its tests: with what became of the deployment to it, if there was one. */
export function untested(device: DeviceConfig, deployment: Deployment | null): DeviceResult {
  const { name, image, virtual } = device;
  return { name, image, virtual, deployment, tests: [], failure: null, notes: [], files: [] };
}

/** The same device with what its tests said. */
export function tested(result: DeviceResult, { tests, failure, notes }: TestedDevice): DeviceResult {
  return { ...result, tests, failure, notes };
}

/** A device that does not run what should be tested: its tests are errors in every report, never passes. */
export function notTested(result: DeviceResult, names: readonly string[]): DeviceResult {
  const { deployment } = result;
  if (deployment === null || isDeployed(deployment)) return result;
  return { ...result, tests: names.map((name) => notRun(name, `not run: the device is ${deployment.verdict}`)) };
}

/** What the run directory holds of a device, sorted; what lies in `devices/<name>/` was put there for the reader. */
export async function filesOf(runDirectory: string, device: string): Promise<string[]> {
  const directory = path.join(runDirectory, 'devices', device);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** The same draft with outputs cut to what result.json and the page hold. */
export function shortened({ images, devices }: Draft): Draft {
  const short = <Item extends { output: string }>(item: Item) => ({ ...item, output: shortOutput(item.output) });
  const tests = (result: DeviceResult) =>
    result.tests.map((test) => ({ ...short(test), points: test.points.map((point) => short(point)) }));
  return { images, devices: devices.map((device) => ({ ...device, tests: tests(device) })) };
}
