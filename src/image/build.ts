import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkLocalDebs, isLocal, localFile } from '../apt/local-debs.ts';
import type { Lockfile } from '../apt/lockfile.ts';
import type { Archive } from '../apt/sources.ts';
import type { ImageConfig, RunPoint } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { resolveRef } from '../ostree/refs.ts';
import { ensureRepo } from '../ostree/repo.ts';
import type { Progress } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { configure } from './configure.ts';
import { customise } from './customise.ts';
import { finalize } from './finalize.ts';
import { Identities } from './identities.ts';
import { importDebs } from './import.ts';
import { initramfs } from './initramfs.ts';
import { merge } from './merge.ts';
import { openOverlay } from './overlay.ts';
import { type RunScript, readScripts } from './run-script.ts';
import { settingsLayers, settingsScripts } from './settings.ts';
import { type Signing, signCommit } from './signing/sign.ts';
import { trustLayers } from './signing/trust.ts';
import type { BuildEnvironment, StageReport } from './stage.ts';

export interface BuildInputs {
  image: ImageConfig;
  lockfile: Lockfile;
  archive: Archive;
  /** Written into the commit and os-release. */
  version: string;
  /** Of the project's version control; null outside. */
  revision: string | null;
  /** null: the image knows nothing of signatures. */
  signing: Signing | null;
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

/**
 * Builds the commit that a lockfile pins: import, merge, configure, customise where scripts run, initramfs, finalize. Each
 * stage's result is a ref named by a digest of its inputs, and a stage whose ref is there is skipped. Writes the locks of
 * users and groups.
 */
export async function buildImage(inputs: BuildInputs, services: BuildServices): Promise<BuiltImage> {
  const { image, lockfile } = inputs;
  const stages: StageReport[] = [];
  const build = await openBuild(services, image.name, (report) => stages.push(report));
  try {
    const layers = [...settingsLayers(build.toolbox, image), ...(await openOverlay(build, image.overlay))];
    const scripts = await scriptsOf(image, lockfile);
    await importPackages(build, inputs);
    const unpacked = await merge(build, lockfile.packages, image.arch);
    const identities = await Identities.read(image);
    const configured = await identities.settle(build, await configure(build, unpacked, scripts.unpacked));
    const customised = scripts.configured.length > 0;
    const base = customised
      ? await identities.settle(build, await customise(build, configured, layers, scripts.configured))
      : configured;
    const overlay = customised ? [] : layers;
    const boot = hasKernel(lockfile) ? await initramfs(build, base, overlay) : null;
    const { name, version, revision, lockDigest } = { ...inputs, name: image.name, lockDigest: lockfile.digest };
    const provenance = { image: name, version, lockDigest, revision };
    const trust = await trustLayers(build.toolbox, name, inputs.signing?.config ?? null);
    const final = await finalize(build, base, boot, [...overlay, ...trust], scripts.finalized, provenance);
    await identities.save(build);
    const ref = `${name}/${image.arch}`;
    const before = await resolveRef(build.toolbox, build.repo, ref);
    const changed = before !== final.commit;
    // Before the ref is moved, which thus never names a commit that is yet to be signed.
    const signed = inputs.signing?.make ? await signCommit(build, final.commit, inputs.signing) : false;
    if (changed) await moveRef(build, ref, final.commit);
    return { name, ref, commit: final.commit, lockDigest, version, changed: changed || signed, stages };
  } finally {
    await build.close();
  }
}

interface OpenBuild extends BuildEnvironment {
  close(): Promise<void>;
}

async function openBuild(
  services: BuildServices,
  name: string,
  report: BuildEnvironment['report'],
): Promise<OpenBuild> {
  const { workspace, toolbox } = services;
  const work = path.join(workspace.work, name);
  // What lies there is a build's that died: the project's lock is held, so none is at work.
  const clear = () => toolbox.run(['rm', '-rf', '--one-file-system', work]);
  await clear();
  await toolbox.run(['mkdir', '-p', work]);
  await ensureRepo(toolbox, workspace.repo, 'bare');
  const close = async () => {
    if (!services.signal.aborted) await clear();
  };
  return { ...services, repo: workspace.repo, work, report, close };
}

async function importPackages(build: OpenBuild, { image, lockfile, archive }: BuildInputs): Promise<void> {
  const started = performance.now();
  const root = path.dirname(image.lockfile);
  await checkLocalDebs(image.lockfile, lockfile.packages);
  const { imported } = await importDebs({
    toolbox: build.toolbox,
    repo: build.repo,
    packages: lockfile.packages,
    candidates: (filename) =>
      isLocal({ filename }) ? [pathToFileURL(localFile(root, { filename })).href] : archive.candidates(filename),
    proxy: (url) => archive.proxy(url),
    progress: build.progress,
    signal: build.signal,
  });
  build.report({ name: 'import', ms: Math.round(performance.now() - started), cached: imported === 0 });
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
