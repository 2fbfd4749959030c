import type { Command } from 'commander';
import type { DeviceConfig, ImageConfig } from '../config/types.ts';
import type { EmulationWish } from '../emulation/emulation.ts';
import { LockstepError } from '../errors/index.ts';
import { keepConsole } from '../report/console.ts';
import { type BuiltImage, type Draft, imageResult, notTested, tested, untested } from '../report/draft.ts';
import { keepLockfile, keepSboms } from '../report/lock-copies.ts';
import type { DeviceResult } from '../report/result.ts';
import { summaryTable } from '../report/summary.ts';
import { type Deployment, isDeployed } from '../testing/deployment.ts';
import type { Suite } from '../testing/run.ts';
import { build } from './build.ts';
import { emulationOption, scriptTimeoutOption } from './build-inputs.ts';
import { deployDevices, plain } from './deploy.ts';
import { loadSuite, testDevices } from './device-tests.ts';
import { recorded } from './recorded.ts';
import { runOutcome } from './run-outcome.ts';
import type { Context, Outcome, Verb } from './verb.ts';
import { bringUpVirtual, takeDown } from './virtual-devices.ts';

interface RunOptions {
  keepUp?: boolean;
  emulation?: EmulationWish;
  imageVersion?: string;
  /** `--no-sign` makes it false. */
  sign?: boolean;
}

const detail = new WeakMap<Outcome, readonly DeviceResult[]>();

/** What a run is made of. */
export interface RunParts {
  build: typeof build.run;
  deployDevices: typeof deployDevices;
  testDevices: typeof testDevices;
  bringUpVirtual: typeof bringUpVirtual;
  takeDown: typeof takeDown;
}

/** `lockstep run`: builds the images, deploys them to their devices and tests there; one set of results. */
export const run = createRun({ build: build.run, deployDevices, testDevices, bringUpVirtual, takeDown });

/** The verb over other parts: in tests, without a toolbox and devices. */
export function createRun(parts: RunParts): Verb<RunOptions> {
  return {
    name: 'run',
    summary: 'build, deploy and test, with one report',

    declare(command: Command) {
      command
        .option('--keep-up', 'leave running the virtual devices that this run started')
        .option('--image-version <version>', 'version written into the commits, instead of the one in lockstep.yml')
        .addOption(emulationOption())
        .addOption(scriptTimeoutOption())
        .option('--no-sign', 'leave the commits unsigned, although lockstep.yml has `signing:`');
    },

    async run(context, options) {
      const before = (await context.workspace()).run;
      let results: readonly DeviceResult[] = [];
      const outcome = await recorded(context, {}, async (inner, draft) => {
        const said = await perform(parts, inner, options, draft, before);
        results = draft.devices;
        return said;
      });
      detail.set(outcome, results);
      return outcome;
    },

    print(outcome) {
      const results = detail.get(outcome) ?? [];
      const first = outcome.message.split('\n')[0];
      return `${summaryTable(results)}\n${first}\nreport: ${outcome.report}`;
    },
  };
}

async function perform(
  parts: RunParts,
  context: Context,
  options: RunOptions,
  draft: Draft,
  before: string,
): Promise<Outcome> {
  // What can be known to be wrong at once is told before an hour of building.
  const [devices, suite] = [await chosenDevices(context), await loadSuite(context)];
  await buildFor(parts, context, options, devices, draft, before);
  const { started, failed } = await parts.bringUpVirtual(context, devices);
  try {
    const up = devices.filter(({ name }) => !failed.has(name));
    const deployed = (await parts.deployDevices(context, up)).map(plain);
    const deployments = new Map<string, Deployment>(deployed.map((deployment) => [deployment.name, deployment]));
    draft.devices = devices.map((device) => {
      const down = failed.get(device.name);
      return untested(device, down === undefined ? deployments.get(device.name)! : neverUp(device, draft, down));
    });
    await testDeployed(parts, context, devices, suite, draft);
  } finally {
    const workspace = await context.workspace();
    await Promise.all(devices.map((device) => keepConsole(device, workspace)));
    if (options.keepUp !== true) await parts.takeDown(context, started);
  }
  return runOutcome(draft);
}

async function chosenDevices(context: Context): Promise<DeviceConfig[]> {
  const devices = await context.devices();
  if (devices.length > 0) return devices;
  throw new LockstepError('E_NO_SUCH_DEVICE', `${(await context.config()).file} defines no device to run on`, {
    hint: 'Add one under `devices:`, or use `lockstep build` for the images alone.',
  });
}

/** Builds the images that these devices run, and no other. */
async function buildFor(
  parts: RunParts,
  context: Context,
  { imageVersion, sign, emulation }: RunOptions,
  devices: readonly DeviceConfig[],
  draft: Draft,
  before: string,
): Promise<void> {
  const images = (await context.images()).filter(({ name }) => devices.some(({ image }) => image === name));
  const outcome = await parts.build({ ...context, images: async () => images }, { imageVersion, sign, emulation }, []);
  const { run: now } = await context.workspace();
  for (const built of outcome.images as BuiltImage[]) {
    const image = images.find(({ name }) => name === built.name) as ImageConfig;
    draft.images.push(imageResult(built, image, await keepLockfile(image, before, now)));
    await keepSboms(built.sbom, now);
  }
}

/** A virtual device that did not boot is one that could not be reached. */
function neverUp({ name, image }: DeviceConfig, { images }: Draft, error: LockstepError): Deployment {
  const wanted = images.find((each) => each.name === image)?.commit ?? '';
  const nothing = { commit: null, bytesSent: 0, ms: 0, steps: [] };
  return { name, verdict: 'unreachable', reason: error.message, wanted, ...nothing };
}

/** Tests the devices that run what was deployed; on the others every test is an error. */
async function testDeployed(
  parts: RunParts,
  context: Context,
  devices: readonly DeviceConfig[],
  suite: Suite,
  draft: Draft,
): Promise<void> {
  draft.devices = draft.devices.map((result) => notTested(result, suite.tests));
  const good = draft.devices.filter(({ deployment }) => deployment !== null && isDeployed(deployment));
  const commits = new Map(good.map(({ name, deployment }) => [name, deployment!.wanted]));
  const testable = devices.filter(({ name }) => commits.has(name));
  const told = new Map((await parts.testDevices(context, testable, suite, commits)).map((one) => [one.device, one]));
  draft.devices = draft.devices.map((result) => {
    const said = told.get(result.name);
    return said === undefined ? result : tested(result, said);
  });
}
