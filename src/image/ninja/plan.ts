import { type BuildInputs, type BuildServices, planImage, type Stop, stopRef, stops } from '../build.ts';
import { digestOf, type PlannedStage } from '../stage.ts';

/** One stage as a build system sees it. */
export interface PlanStep {
  /** What `lockstep build --until` is told; null: the whole build. */
  stop: Stop | null;
  /** The ref that it ends with. */
  ref: string;
  /** Of all that it depends on, as far as can be known before anything has run. */
  digest: string;
}

/** Stages whose refs bear digests that can be known before maintainer scripts have run: others depend on what those do. */
const named: readonly string[] = ['merge', 'configure'];

/** The stages of an image after the import, each of which depends on the one before. */
export async function planSteps(inputs: Omit<BuildInputs, 'archive'>, services: BuildServices): Promise<PlanStep[]> {
  const { image, signing } = inputs;
  const planned = await planImage(inputs, services);
  const whole = planned.at(-1)?.digest ?? '';
  const last = digestOf(whole, signing?.make ? JSON.stringify(signing.config) : null);
  const steps = planned.filter(isStop).map((stage) => stepOf(image.name, stage));
  return [...steps, { stop: null, ref: `${image.name}/${image.arch}`, digest: last }];
}

/** The digest of the step that ends with a stage; null when the build has no such stage. */
export async function planDigest(
  inputs: Omit<BuildInputs, 'archive'>,
  services: BuildServices,
  until?: Stop,
): Promise<string | null> {
  const steps = await planSteps(inputs, services);
  return steps.find(({ stop }) => stop === (until ?? null))?.digest ?? null;
}

type StopStage = PlannedStage & { name: Stop };

function isStop(stage: PlannedStage): stage is StopStage {
  return (stops as readonly string[]).includes(stage.name);
}

function stepOf(image: string, { name: stop, ref, digest }: StopStage): PlanStep {
  return { stop, ref: named.includes(stop) ? ref : stopRef(image, stop), digest };
}
