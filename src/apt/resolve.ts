import path from 'node:path';
import type { ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { chooseDebs } from './choose-debs.ts';
import type { YoungVersion } from './cooldown.ts';
import { FirstSeen } from './first-seen.ts';
import { indexTargets, stanzasOf } from './index-stanzas.ts';
import { isLocal, readLocalDebs } from './local-debs.ts';
import { inputsOf } from './lock-inputs.ts';
import { provides } from './locked-package.ts';
import { addLockedSource, isFromLock } from './locked-source.ts';
import { formatLockfile, type LockedPackage } from './lockfile.ts';
import { pinMatches } from './preferences.ts';
import { archiveKeyring, preparePrivateRoot } from './private-root.ts';
import { archiveOf } from './sources.ts';
import { noPackage } from './unknown-package.ts';
import { asLocked } from './update-alone.ts';
import { updateIndexes } from './update-indexes.ts';

export interface ResolveOptions {
  toolbox: Toolbox;
  workspace: Pick<Workspace, 'apt' | 'dir'>;
  /** Whose signatures count; the archive's own keyring in the toolbox when not given. */
  keyring?: string;
  /** Suites of the image to leave out this time; the lockfile says so. */
  without?: readonly string[];
  /** What the lockfile pins by now: what is held comes from there when its suite no longer has it. */
  locked?: readonly LockedPackage[];
  /** The packages to bring up to date, with what they need for that; none: all. */
  only?: readonly string[];
  /** For what is asked of mirrors besides apt. */
  signal?: AbortSignal;
  now?: Date;
  stage?: Stage;
}

export interface Resolution {
  packages: LockedPackage[];
  /** The lockfile that pins them. */
  text: string;
  /** Versions that are not old enough yet. */
  waiting: YoungVersion[];
  /** Versions that are not old enough, but without which there is no solution. */
  early: YoungVersion[];
  /** What is held at a version that no suite has any more. */
  departed: LockedPackage[];
}

/**
 * Lets apt choose the packages of an image, from suites that it fetches anew and whose signatures it checks: the essential
 * ones, the image's own, and what they depend on. Changes nothing but the image's private apt root. Throws E_APT_*,
 * E_DISK_FULL, E_BUSY, E_TOOLBOX_TOOL, E_INTERRUPTED.
 */
export async function resolveImage(configured: ImageConfig, options: ResolveOptions): Promise<Resolution> {
  const { toolbox, workspace, keyring = archiveKeyring, without = [], only = [], stage } = options;
  const { signal = new AbortController().signal, now = new Date() } = options;
  const locked = (options.locked ?? []).filter(({ architecture: arch }) => arch === configured.arch || arch === 'all');
  const image = { ...configured, suites: configured.suites.filter((suite) => !without.includes(suite)) };
  const local = await readLocalDebs(image);
  const { suites, proxy } = await archiveOf(toolbox, image);
  const dir = path.join(workspace.apt, image.name);
  const root = await preparePrivateRoot(toolbox, image, { dir, suites, keyring, local });
  if (only.length > 0 || image.pins.length > 0 || image.minimumAge > 0) await addLockedSource(toolbox, root, locked);
  await updateIndexes(toolbox, root, image.name, stage);
  const indexes = await indexTargets(toolbox, root, image);
  stage?.advance({ detail: 'solving' });
  const age = { firstSeen: new FirstSeen(path.join(workspace.dir, 'first-seen.json')), proxy, signal, now };
  const chosen = await chooseDebs({ toolbox, root, image, local, indexes, locked, only, age });
  const files = indexes.map(({ file }) => file);
  const published = await stanzasOf(toolbox, root, files, chosen.debs);
  const departed = new Set(chosen.debs.filter((deb) => isFromLock(root, deb)).map(({ sha256 }) => sha256));
  const packages = asLocked(published, { locked, only, departed });
  refuseUnfulfilled(image, packages);
  refuseForeign(image, packages, local);
  stage?.advance({ count: packages.length, detail: '' });
  const text = formatLockfile(inputsOf(configured, without), packages);
  const gone = packages.filter(({ sha256 }) => departed.has(sha256));
  return { packages, text, waiting: chosen.waiting, early: chosen.early, departed: gone };
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
