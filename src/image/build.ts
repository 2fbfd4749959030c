import type { Archive } from '../apt/archive/sources.ts';
import type { Lockfile } from '../apt/lockfile/lockfile.ts';
import type { CacheConfig, ImageConfig, RunPoint } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import type { EmulationWish } from '../emulation/emulation.ts';
import { resolveRef } from '../ostree/refs.ts';
import type { Progress } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { configure } from './configure.ts';
import { customise } from './customise.ts';
import { finalize } from './finalize.ts';
import { Identities } from './identities/identities.ts';
import type { Imported } from './import/import.ts';
import { importPackages } from './import/packages.ts';
import { initramfs } from './initramfs.ts';
import { isMerged, type MergeResult, merge } from './merge.ts';
import { withBuild } from './open-build.ts';
import { type OverlayLayer, openOverlay } from './overlay/overlay.ts';
import { settingsLayers, settingsScripts } from './overlay/settings.ts';
import { healing } from './repair/healing.ts';
import { Soundness } from './repair/soundness.ts';
import { type RunScript, readScripts } from './run-script.ts';
import { type Signing, signCommit } from './signing/sign.ts';
import { trustLayers } from './signing/trust.ts';
import type { BuildEnvironment, PlannedStage, StageReport, StageResult } from './stage.ts';
import { trialLayer } from './trial/trial-layer.ts';

export interface BuildInputs {
  image: ImageConfig;
  lockfile: Lockfile;
  /** Asked for only when a deb has to be downloaded. */
  archive: () => Promise<Archive>;
  /** Written into the commit and os-release. */
  version: string;
  /** Of the project's version control; null outside. */
  revision: string | null;
  /** null: the image knows nothing of signatures. */
  signing: Signing | null;
  /** Where debs may be had that others imported; no part of what the image becomes. */
  cache?: CacheConfig | null;
  /** How programs of a foreign architecture are to be run; no part of what the image becomes. */
  emulation: EmulationWish;
  /** How long the scripts of one stage may take together, in milliseconds. */
  scriptLimitMs: number;
}

export interface BuildServices {
  workspace: Workspace;
  toolbox: Toolbox;
  progress: Progress;
  signal: AbortSignal;
}

export interface BuiltImage {
  name: string;
  /** `<image>/<arch>` in the build repository. */
  ref: string;
  commit: string;
  lockDigest: string;
  version: string;
  /** False when the ref named this commit already, signed as it is to be. */
  changed: boolean;
  stages: StageReport[];
}

/** Stages at whose end a build may stop. */
export const stops = ['import', 'merge', 'configure', 'customise', 'initramfs'] as const;
export type Stop = (typeof stops)[number];

export interface BuiltStage {
  name: string;
  until: Stop;
  /** The ref that holds its result; null after the import, which has one for each deb. */
  ref: string | null;
  commit: string | null;
  stages: StageReport[];
}

/**
 * Builds the commit that a lockfile pins: import, merge, configure, customise where scripts run, initramfs, finalize. Each
 * stage's result is a ref named by a digest of its inputs, and a stage whose ref is there is skipped. Writes the locks of
 * users and groups.
 */
export async function buildImage(inputs: BuildInputs, services: BuildServices): Promise<BuiltImage> {
  const { image, lockfile, version, signing } = inputs;
  return healedBuild(inputs, services, async (build, stages) => {
    const final = await runStages(build, inputs, await layersOf(build, inputs));
    if (final === null) throw new Error('a build ended without a commit');
    const ref = `${image.name}/${image.arch}`;
    const before = await resolveRef(build.toolbox, build.repo, ref);
    const changed = before !== final.commit;
    // Before the ref is moved, which thus never names a commit that is yet to be signed, or to be written to the disk.
    const signed = signing?.make ? await signCommit(build, final.commit, signing) : false;
    await build.sync.settle();
    if (changed) await moveRef(build, ref, final.commit);
    const of = { name: image.name, ref, commit: final.commit, lockDigest: lockfile.digest, version };
    return { ...of, changed: changed || signed, stages };
  });
}

/** The same up to the end of one stage. */
export async function buildUntil(stop: Stop, inputs: BuildInputs, services: BuildServices): Promise<BuiltStage> {
  const { image } = inputs;
  return healedBuild(inputs, services, async (build, stages) => {
    const result = await runStages(build, inputs, await layersOf(build, inputs), stop);
    const { ref, commit } = result ?? { ref: null, commit: null };
    await build.sync.settle();
    if (commit !== null) await moveRef(build, stopRef(image.name, stop), commit);
    return { name: image.name, until: stop, ref, commit, stages };
  });
}

/** The work of a build, done once more when the repository turns out to be damaged. */
function healedBuild<T>(
  inputs: BuildInputs,
  services: BuildServices,
  work: (build: BuildEnvironment, stages: StageReport[]) => Promise<T>,
): Promise<T> {
  const place = { ...services, repo: services.workspace.repo };
  return healing(place, inputs.lockfile.packages, () => withBuild(inputs, services, work));
}

/** The ref that names what a stage of an image last came to, when a build was told to stop there. */
export function stopRef(image: string, stop: Stop): string {
  return `lockstep/image/${image}/${stop}`;
}

/** What a build would go through, in order; nothing is made but what overlays from refs need. */
export async function planImage(
  inputs: Omit<BuildInputs, 'archive'>,
  services: BuildServices,
): Promise<PlannedStage[]> {
  return withBuild(inputs, services, async (build) => {
    const planned: PlannedStage[] = [];
    const layers = await layersOf(build, inputs);
    await runStages({ ...build, plan: (stage) => planned.push(stage) }, { ...inputs, archive: null }, layers);
    return planned;
  });
}

async function layersOf(
  build: BuildEnvironment,
  { image, lockfile }: Pick<BuildInputs, 'image' | 'lockfile'>,
): Promise<OverlayLayer[]> {
  const trial = hasKernel(lockfile) ? [trialLayer(build.toolbox)] : [];
  return [...trial, ...settingsLayers(build.toolbox, image), ...(await openOverlay(build, image.overlay))];
}

/** `archive` is null in a plan, which imports nothing. */
type StageInputs = Omit<BuildInputs, 'archive'> & { archive: BuildInputs['archive'] | null };

/** null when it stops after the import. */
async function runStages(
  opened: BuildEnvironment,
  inputs: StageInputs,
  layers: readonly OverlayLayer[],
  stop?: Stop,
): Promise<StageResult | null> {
  const { image, lockfile, archive } = inputs;
  const scripts = await scriptsOf(image, lockfile);
  const reused = archive !== null && (await importAhead(opened, { ...inputs, archive }, stop)).reused;
  if (stop === 'import') return null;
  const soundness = new Soundness(opened, reused ? lockfile.packages : []);
  const build = { ...opened, soundness };
  const unpacked = await merge(build, lockfile.packages, image.arch);
  // Which numbers maintainer scripts hand out is not known before they have run: a plan takes them for those of the locks.
  const identities = build.plan === undefined ? await Identities.read(image) : null;
  const settle = async (tree: StageResult) => (await identities?.settle(build, tree)) ?? tree;
  const later = { unpacked, layers, scripts, settle, stop };
  const result = stop === 'merge' ? unpacked : await laterStages(build, inputs, later);
  await soundness.settle();
  if (stop !== 'merge') await identities?.save(build);
  return result;
}

interface Later {
  unpacked: MergeResult;
  layers: readonly OverlayLayer[];
  scripts: Record<RunPoint, RunScript[]>;
  settle: (tree: StageResult) => Promise<StageResult>;
  stop?: Stop;
}

/** What maintainer scripts have a part in. */
async function laterStages(
  build: BuildEnvironment,
  { image, lockfile, version, revision, signing }: StageInputs,
  { unpacked, layers, scripts, settle, stop }: Later,
): Promise<StageResult> {
  const configured = await settle(await configure(build, unpacked, scripts.unpacked));
  if (stop === 'configure') return configured;
  const customised = scripts.configured.length > 0;
  const base = customised ? await settle(await customise(build, configured, layers, scripts.configured)) : configured;
  if (stop === 'customise') return base;
  const overlay = customised ? [] : layers;
  const boot = hasKernel(lockfile) ? await initramfs(build, base, overlay) : null;
  if (stop === 'initramfs') return boot ?? base;
  const provenance = { image: image.name, version, lockDigest: lockfile.digest, revision };
  const trust = await trustLayers(build.toolbox, image.name, signing?.config ?? null);
  return finalize(build, base, boot, [...overlay, ...trust], scripts.finalized, provenance);
}

/** Finds out meanwhile how to emulate: it may have to fetch debs as well, and a machine that cannot is told early. */
async function importAhead(build: BuildEnvironment, inputs: BuildInputs, stop?: Stop): Promise<Imported> {
  const { image, lockfile } = inputs;
  const later = stop !== 'import' && stop !== 'merge' && !(await isMerged(build, lockfile.packages, image.arch));
  const imported = importPackages(build, inputs);
  // A failure counts at once; otherwise only who starts programs waits for it.
  if (later) await Promise.race([imported, build.emulation()]);
  return imported;
}

function hasKernel({ packages }: Lockfile): boolean {
  return packages.some(({ package: name }) => /^linux-image-\d/.test(name));
}

async function scriptsOf(image: ImageConfig, lockfile: Lockfile): Promise<Record<RunPoint, RunScript[]>> {
  const { unpacked, configured, finalized } = image.run;
  return {
    unpacked: await readScripts(unpacked),
    configured: [...settingsScripts(image, lockfile.packages), ...(await readScripts(configured))],
    finalized: await readScripts(finalized),
  };
}

async function moveRef({ toolbox, repo }: BuildEnvironment, ref: string, commit: string): Promise<void> {
  await toolbox.run(['ostree', 'refs', `--repo=${repo}`, '--force', `--create=${ref}`, commit]);
}
