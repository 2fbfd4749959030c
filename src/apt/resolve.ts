import path from 'node:path';
import type { ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { YoungVersion } from './age/cooldown.ts';
import { FirstSeen } from './age/first-seen.ts';
import { publishedStanzas } from './archive/index-stanzas.ts';
import type { IndexFile } from './archive/index-targets.ts';
import { Offered } from './archive/offered.ts';
import { type Prepared, type PrepareOptions, prepareImages } from './archive/prepare.ts';
import { chooseDebs } from './choose/choose-debs.ts';
import { noPackage } from './choose/unknown-package.ts';
import { asLocked } from './choose/update-alone.ts';
import { isLocal } from './lockfile/local-debs.ts';
import { inputsOf, wantedPackages } from './lockfile/lock-inputs.ts';
import { provides } from './lockfile/locked-package.ts';
import { formatLockfile, type LockedPackage } from './lockfile/lockfile.ts';
import type { PackageOrigin, RecordedRelease } from './provenance/provenance.ts';
import { isFromLock } from './root/locked-source.ts';
import { pinMatches } from './root/preferences.ts';

export interface ResolveOptions extends Omit<PrepareOptions, 'workspace' | 'held'> {
  workspace: Pick<Workspace, 'apt' | 'dir'>;
  /** What the lockfile pins by now: what is held comes from there when its suite no longer has it. */
  locked?: readonly LockedPackage[];
  /** Where the packages of the lockfile come from, as far as that is recorded. */
  origins?: ReadonlyMap<string, PackageOrigin>;
  /** The packages to bring up to date, with what they need for that; none: all. */
  only?: readonly string[];
  /** For what is asked of mirrors besides apt. */
  signal?: AbortSignal;
  now?: Date;
}

export interface Resolution {
  packages: LockedPackage[];
  /** The lockfile that pins them. */
  text: string;
  /** Where each comes from, by name; nothing of what only the present lockfile has. */
  origins: Map<string, PackageOrigin>;
  /** The states of the image's suites. */
  releases: readonly RecordedRelease[];
  /** Versions that are not old enough yet. */
  waiting: YoungVersion[];
  /** Versions that are not old enough, but without which there is no solution. */
  early: YoungVersion[];
  /** What is held at a version that no suite has any more. */
  departed: LockedPackage[];
  /** Exclusions of what no suite has, by name: slips of the pen. */
  excludedNothing: string[];
}

/**
 * Lets apt choose the packages of an image, from suites that it fetches anew and whose signatures it checks: the essential
 * ones, the image's own, and what they depend on. Changes nothing but the image's private apt root. Throws E_APT_*,
 * E_DISK_FULL, E_BUSY, E_TOOLBOX_TOOL, E_INTERRUPTED.
 */
export async function resolveImage(image: ImageConfig, options: ResolveOptions): Promise<Resolution> {
  const held = () => heldPackages(image, options);
  const [prepared] = await prepareImages([image], { ...options, held });
  return resolvePrepared(prepared!, image, options);
}

/** What has to be to be had though the suites may no longer have it. */
export function heldPackages(
  image: ImageConfig,
  { locked, only = [] }: Pick<ResolveOptions, 'locked' | 'only'>,
): readonly LockedPackage[] {
  return only.length > 0 || image.pins.length > 0 || image.minimumAge > 0 ? ofArchitecture(image, locked) : [];
}

function ofArchitecture({ arch }: ImageConfig, locked: readonly LockedPackage[] = []): LockedPackage[] {
  return locked.filter(({ architecture }) => architecture === arch || architecture === 'all');
}

/** As {@link resolveImage}, of an image whose indexes were fetched. @param configured with all its suites */
export async function resolvePrepared(
  { image, root, local, indexes, releases, proxy }: Prepared,
  configured: ImageConfig,
  options: ResolveOptions,
): Promise<Resolution> {
  const { toolbox, workspace, without = [], only = [], stage } = options;
  const { signal = new AbortController().signal, now = new Date() } = options;
  const locked = ofArchitecture(image, options.locked);
  stage?.advance({ detail: 'solving' });
  const age = { firstSeen: new FirstSeen(path.join(workspace.dir, 'first-seen.json')), proxy, signal, now };
  const chosen = await chooseDebs({ toolbox, root, image, local, indexes, locked, only, age });
  const published = await publishedStanzas(toolbox, root, indexes, chosen.debs, {
    locked,
    origins: options.origins,
  });
  const departed = new Set(chosen.debs.filter((deb) => isFromLock(root, deb)).map(({ sha256 }) => sha256));
  const stanzas = published.map((each) => each.locked);
  const packages = asLocked(stanzas, { locked, only, departed });
  refuseUnfulfilled(image, packages);
  refuseForeign(image, packages, local);
  stage?.advance({ count: packages.length, detail: '' });
  const { waiting, early } = chosen;
  const files = indexes.map(({ file }) => file);
  const text = formatLockfile(inputsOf(configured, without), packages);
  const gone = packages.filter(({ sha256 }) => departed.has(sha256));
  const excludedNothing = await unknownExclusions(image, new Offered(toolbox, root, files));
  return { packages, text, origins: originsOf(published), releases, waiting, early, departed: gone, excludedNothing };
}

async function unknownExclusions({ exclude }: ImageConfig, offered: Offered): Promise<string[]> {
  const there = new Set((await offered.named(exclude)).map((each) => each.package));
  return exclude.filter((name) => !there.has(name));
}

function originsOf(published: Awaited<ReturnType<typeof publishedStanzas<IndexFile>>>): Map<string, PackageOrigin> {
  const origins = new Map<string, PackageOrigin>();
  for (const { locked, index } of published) {
    const { source, suite, component } = index;
    if (isLocal(locked)) origins.set(locked.package, { repository: './' });
    else if (source !== null) origins.set(locked.package, { repository: source.repository, suite, component });
  }
  return origins;
}

/** apt takes some names for patterns, and passes over a pin that no version matches. */
function refuseUnfulfilled(image: ImageConfig, packages: readonly LockedPackage[]): void {
  const there = new Set(packages.flatMap((locked) => [locked.package, ...provides(locked)]));
  const missing = wantedPackages(image)
    .filter((name) => !there.has(name))
    .map((name) => ({ name, providers: [] }));
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
    throw new LockstepError('E_APT_BAD_INDEX', `an archive says that ${foreign.package} is ${foreign.filename}`, {
      hint: 'use another mirror, and tell whoever runs the archive; the lockfile was not touched',
    });
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
