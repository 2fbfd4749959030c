import path from 'node:path';
import type { ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import { solveFailure } from './failure.ts';
import { type ChosenDeb, indexFiles, stanzasOf } from './index-stanzas.ts';
import { isLocal, readLocalDebs } from './local-debs.ts';
import { inputsOf } from './lock-inputs.ts';
import { provides } from './locked-package.ts';
import { formatLockfile, type LockedPackage } from './lockfile.ts';
import { pinMatches } from './preferences.ts';
import { archiveKeyring, type PrivateRoot, preparePrivateRoot } from './private-root.ts';
import { archiveOf } from './sources.ts';
import { noPackage, unknownPackages } from './unknown-package.ts';
import { updateIndexes } from './update-indexes.ts';

export interface ResolveOptions {
  toolbox: Toolbox;
  workspace: Pick<Workspace, 'apt'>;
  /** Whose signatures count; the archive's own keyring in the toolbox when not given. */
  keyring?: string;
  /** Suites of the image to leave out this time; the lockfile says so. */
  without?: readonly string[];
  stage?: Stage;
}

export interface Resolution {
  packages: LockedPackage[];
  /** The lockfile that pins them. */
  text: string;
}

/**
 * Lets apt choose the packages of an image, from suites that it fetches anew and whose signatures it checks: the essential
 * ones, the image's own, and what they depend on. Changes nothing but the image's private apt root. Throws E_APT_*,
 * E_DISK_FULL, E_BUSY, E_TOOLBOX_TOOL, E_INTERRUPTED.
 */
export async function resolveImage(configured: ImageConfig, options: ResolveOptions): Promise<Resolution> {
  const { toolbox, workspace, keyring = archiveKeyring, without = [], stage } = options;
  const image = { ...configured, suites: configured.suites.filter((suite) => !without.includes(suite)) };
  const local = await readLocalDebs(image);
  const { suites } = await archiveOf(toolbox, image);
  const dir = path.join(workspace.apt, image.name);
  const root = await preparePrivateRoot(toolbox, image, { dir, suites, keyring, local });
  await updateIndexes(toolbox, root, image.name, stage);
  const indexes = await indexFiles(toolbox, root, image);
  stage?.advance({ detail: 'solving' });
  const debs = await solve(toolbox, root, image, local);
  const packages = await stanzasOf(toolbox, root, indexes, debs);
  refuseUnfulfilled(image, packages);
  refuseForeign(image, packages, local);
  stage?.advance({ count: packages.length, detail: '' });
  return { packages, text: formatLockfile(inputsOf(configured, without), packages) };
}

async function solve(
  toolbox: Toolbox,
  root: PrivateRoot,
  image: ImageConfig,
  local: readonly LockedPackage[],
): Promise<ChosenDeb[]> {
  const own = local.map((locked) => locked.package).filter((name) => !image.packages.includes(name));
  const wanted = ['?essential', ...image.packages, ...own];
  const argv = ['apt-get', '-q', '-y', 'install', '--print-uris', '--', ...wanted];
  const { exitCode, stdout, output } = await runApt(toolbox, root, argv, { timeoutMs: 120_000 });
  if (exitCode === 0) return chosenDebs(stdout);
  const unknown = unknownPackages(output);
  if (unknown.length === 0) throw solveFailure(image.name, output);
  const names = await runApt(toolbox, root, ['apt-cache', 'pkgnames'], { timeoutMs: 60_000 });
  throw noPackage(image.name, unknown, names.stdout.split('\n'));
}

/** `'URL' FILE SIZE SHA256:DIGEST`, a line for each deb, as many as apt says that it would install. */
function chosenDebs(output: string): ChosenDeb[] {
  const lines = output.matchAll(/^'([^']+)' \S+ \d+ SHA256:([0-9a-f]{64})$/gm);
  const debs = [...lines].map(([, url, sha256]) => ({ url: url!, sha256: sha256! }));
  const announced =
    /^\d+ upgraded, (\d+) newly installed, /im.exec(output)?.[1] ?? /Installing: (\d+)/.exec(output)?.[1];
  if (debs.length > 0 && (announced === undefined || Number(announced) === debs.length)) return debs;
  throw new LockstepError('E_APT_FAILED', `apt would install ${announced} packages but names ${debs.length} debs`);
}

/** apt takes some names for patterns, and passes over a pin that no version matches. */
function refuseUnfulfilled(image: ImageConfig, packages: readonly LockedPackage[]): void {
  const there = new Set(packages.flatMap((locked) => [locked.package, ...provides(locked)]));
  const missing = image.packages.filter((name) => !there.has(name)).map((name) => ({ name, providers: [] }));
  if (missing.length > 0) throw noPackage(image.name, missing, [...there]);
  for (const pin of image.pins) {
    const chosen = packages.find((locked) => locked.package === pin.package);
    if (chosen === undefined || pinMatches(pin, chosen.version)) continue;
    const message = `image ${image.name}: no suite has ${pin.package} ${pin.version}, which is pinned; there is ${chosen.version}`;
    throw new LockstepError('E_APT_UNSOLVABLE', message, { hint: `the reason of the pin: ${pin.reason}` });
  }
}

/** Every local deb is to be in the image, and an archive is not to name files of the project. */
function refuseForeign(image: ImageConfig, packages: readonly LockedPackage[], local: readonly LockedPackage[]): void {
  const digests = new Set(local.map(({ sha256 }) => sha256));
  const foreign = packages.find((locked) => isLocal(locked) && !digests.has(locked.sha256));
  if (foreign !== undefined) {
    throw new LockstepError('E_APT_FAILED', `an archive says that ${foreign.package} is ${foreign.filename}`);
  }
  const chosen = new Map(packages.map((locked) => [locked.package, locked]));
  const passedOver = local.find(({ package: name, sha256 }) => chosen.get(name)?.sha256 !== sha256);
  if (passedOver === undefined) return;
  const { package: name, version, filename } = passedOver;
  const other = chosen.get(name);
  const message = `image ${image.name}: apt takes ${name} ${other?.version} from ${other?.filename}, not ${version} from ${filename}`;
  throw new LockstepError('E_APT_UNSOLVABLE', message, {
    hint: 'give the deb a version of its own, or drop the pin of the package',
  });
}
