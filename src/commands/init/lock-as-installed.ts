import path from 'node:path';
import { offeredVersions } from '../../apt/archive/offered-versions.ts';
import { inputsOf } from '../../apt/lockfile/lock-inputs.ts';
import {
  formatLockfile,
  type LockedPackage,
  loadLockfile,
  lockDigest,
  writeLockfile,
} from '../../apt/lockfile/lockfile.ts';
import { formatProvenance, provenanceFile, readProvenance } from '../../apt/provenance/provenance-file.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Draft, Note } from '../../peers/draft.ts';
import { type InstalledPackage, wantedOf } from '../../peers/installed-set.ts';
import type { Scratch } from './lock-draft.ts';
import type { Peer } from './read-peer.ts';

/**
 * Resolves what a peer asks for. Where it is a device, the lockfile comes to pin what is installed there, as far as the
 * suites still have it; the rest is told.
 */
export async function lockAsInstalled(scratch: Scratch, peer: Peer, without: readonly string[]): Promise<Draft> {
  const { draft, installed } = peer;
  if (installed === undefined) {
    await scratch.resolve(draft);
    return draft;
  }
  const { offered, known } = await resolveKnown(scratch, draft, installed);
  const chosen = byName(await packagesOf(scratch));
  // Apt took notes of them as installed for others, which are gone; or they need each other alone.
  const missing = wantedOf(
    installed.filter(({ name }) => !chosen.has(name) && offered.has(name)),
    null,
  );
  const pins = installed
    .filter(({ name, version }) => chosen.get(name)?.version !== version && offered.get(name)?.has(version))
    .map(({ name, version }) => ({ package: name, version, reason: 'it is installed' }));
  const whole = { ...known, image: { ...known.image, packages: [...known.image.packages, ...missing].sort() } };
  const held = missing.length > 0 || pins.length > 0 ? await resolveHeld(scratch, whole, pins) : [];
  await withoutPins(scratch, whole, without);
  const locked = await packagesOf(scratch);
  return {
    ...whole,
    notes: [...draft.notes, ...held, ...differences(scratch.name, { installed, locked, offered }, peer)],
  };
}

/** What is installed may come from nowhere: a deb of somebody's own, one that has left the archive. That is left out. */
async function resolveKnown(scratch: Scratch, draft: Draft, installed: readonly InstalledPackage[]) {
  const names = installed.map(({ name }) => name);
  const offered = async () => {
    const [toolbox, workspace] = [await scratch.context.toolbox(), await scratch.context.workspace()];
    return offeredVersions(toolbox, workspace, scratch.name, names);
  };
  try {
    await scratch.resolve(draft);
    return { offered: await offered(), known: draft };
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_APT_NO_PACKAGE') throw error;
    // The indexes were fetched before that was found.
    const versions = await offered();
    const packages = draft.image.packages.filter((name) => versions.has(name));
    if (packages.length === 0 || packages.length === draft.image.packages.length) throw error;
    const known = { ...draft, image: { ...draft.image, packages } };
    await scratch.resolve(known);
    return { offered: versions, known };
  }
}

type Pins = NonNullable<Draft['image']['pins']>;

/** All at once, or none: versions that do not go together are not for lockstep to choose from. */
async function resolveHeld(scratch: Scratch, draft: Draft, pins: Pins): Promise<Note[]> {
  try {
    await scratch.resolve({ ...draft, image: { ...draft.image, pins } });
    return [];
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_APT_UNSOLVABLE' || pins.length === 0) throw error;
    await scratch.resolve(draft);
    const text = `what is installed there cannot be installed at once from the suites, the newest is pinned: ${error.message}`;
    return [{ place: draft.device?.name ?? '', text }];
  }
}

/** The pins were a means: the lockfile is one of lockstep.yml as it will be. */
async function withoutPins(scratch: Scratch, draft: Draft, without: readonly string[]): Promise<void> {
  const [configured] = await scratch.context.images();
  const image = { ...configured!, packages: draft.image.packages, pins: [] };
  const recorded = await readProvenance(image);
  const text = formatLockfile(inputsOf(image, without), await packagesOf(scratch));
  await writeLockfile(image.lockfile, text);
  if (recorded === null) return;
  await writeLockfile(provenanceFile(image), formatProvenance({ ...recorded, lockDigest: lockDigest(text) }));
}

interface Compared {
  installed: readonly InstalledPackage[];
  locked: readonly LockedPackage[];
  /** By name: the versions that the suites have. */
  offered: ReadonlyMap<string, ReadonlySet<string>>;
}

function differences(image: string, { installed, locked, offered }: Compared, { draft }: Peer): Note[] {
  const place = draft.device?.name ?? '';
  const pinned = byName(locked);
  return installed.flatMap(({ name, version }) => {
    const now = pinned.get(name)?.version;
    if (now === version) return [];
    if (now === undefined) {
      const why = offered.has(name) ? 'is needed by nothing that is asked for' : 'is in no suite';
      return [{ place, text: `${name} ${version} ${why}: left out of ${image}.lock` }];
    }
    return [{ place, text: `${name} ${version} is installed there, ${now} is pinned: the suites have no ${version}` }];
  });
}

async function packagesOf({ dir, name }: Scratch): Promise<LockedPackage[]> {
  return (await loadLockfile(path.join(dir, `${name}.lock`))).packages;
}

function byName(packages: readonly LockedPackage[]): Map<string, LockedPackage> {
  return new Map(packages.map((locked) => [locked.package, locked]));
}
