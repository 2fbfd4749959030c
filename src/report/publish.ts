import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';
import type { ErrorCode } from '../errors/index.ts';
import { type DeviceReport, writeJunit } from '../testing/junit.ts';
import { type Draft, filesOf, shortened } from './draft.ts';
import { writeReport } from './html.ts';
import { type RunResult, writeResult } from './result.ts';
import type { RunDirectory } from './run-directory.ts';
import { describeRun } from './summary.ts';

/** How the run ended, for whom it is told. */
export interface Ending {
  outcome: RunResult['outcome'];
  code: ErrorCode | null;
  message: string;
  hint: string | null;
}

export interface Published {
  /** Absolute paths. */
  result: string;
  report: string;
  junit: string[];
  description: string;
}

/**
 * Writes result.json, JUnit files and the page into a fresh run directory and puts it in the place of the old one.
 * `junit: false` for a run that was broken off: half its cases would look like all of them.
 */
export async function publish(
  directory: RunDirectory,
  workspace: Workspace,
  draft: Draft,
  ending: Ending & { startedAt: Date; junit: boolean },
): Promise<Published> {
  const junit: string[] = [];
  if (ending.junit) {
    for (const report of junitReports(draft, ending.startedAt)) {
      junit.push(await writeJunit(path.join(directory.path, 'junit'), report));
    }
  }
  const devices = await Promise.all(
    draft.devices.map(async (device) => ({ ...device, files: await filesOf(directory.path, device.name) })),
  );
  const { outcome, code, message, hint, startedAt } = ending;
  const description = describeRun(draft.images, draft.devices);
  const result: RunResult = {
    format: 1,
    startedAt: startedAt.toISOString(),
    ms: Math.max(0, Date.now() - startedAt.getTime()),
    ...{ outcome, code, message, hint, description },
    ...shortened({ images: draft.images, devices }),
  };
  const written = {
    result: await writeResult(directory.path, result),
    report: await writeReport(directory.path, result),
  };
  await directory.publish();
  const published = (file: string) => path.join(workspace.run, path.relative(directory.path, file));
  return {
    result: published(written.result),
    report: published(written.report),
    junit: junit.map(published),
    description,
  };
}

/** One for each device, whatever became of it. */
function junitReports({ images, devices }: Draft, startedAt: Date): DeviceReport[] {
  return devices.map(({ name, deployment, tests, image: imageName }) => {
    const image = images.find((each) => each.name === imageName);
    const commit = deployment?.wanted ?? image?.commit;
    const known = { commit, image: imageName, arch: image?.arch, lockDigest: image?.lockDigest };
    const properties = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { device: name, deployment, tests, startedAt, properties: Object.fromEntries(properties) };
  });
}
