import { createHash } from 'node:crypto';
import { LockstepError } from '../../errors/index.ts';
import type { ManifestEntry } from './manifest.ts';

/** One member of an overlay, as it will be in the image. */
export interface OverlayEntry {
  /** Relative to the root of the image, without `./`. */
  name: string;
  kind: 'directory' | 'file' | 'symlink' | 'link';
  mode: number;
  uid: number;
  gid: number;
  /** Names that the image's own passwd and group give the numbers for; null: uid and gid count. */
  user: string | null;
  group: string | null;
  size: number;
  /** sha256 of a file's content, target of a symlink, name of the file that a hard link shares. */
  identity: string;
  /** A directory whose owner and mode are meant even where the image has it already. */
  enforced: boolean;
  /** What messages call it. */
  label: string;
}

/** The part of an entry that owners and modes do not touch. */
export type BareEntry = Pick<OverlayEntry, 'name' | 'kind' | 'mode' | 'size' | 'identity' | 'label'>;

/** An entry of root's. */
export function ownedByRoot(bare: BareEntry): OverlayEntry {
  return { ...bare, uid: 0, gid: 0, user: null, group: null, enforced: false };
}

/** sha256 of everything that entries put into the image. */
export function entriesDigest(entries: readonly OverlayEntry[]): string {
  const hash = createHash('sha256');
  for (const { name, kind, mode, uid, gid, user, group, identity, enforced } of entries) {
    hash.update(JSON.stringify([name, kind, mode, user ?? uid, group ?? gid, identity, enforced]));
  }
  return hash.digest('hex');
}

const typeNames = { directory: 'dir', file: 'file', symlink: 'link', link: 'file' } as const;

/** Gives entries the owners and modes of a manifest. Throws E_OVERLAY for a path that is not there or is another thing. */
export function withManifest(entries: readonly OverlayEntry[], manifest: Map<string, ManifestEntry>): OverlayEntry[] {
  const names = new Set(entries.map(({ name }) => name));
  for (const [name, { place }] of manifest) {
    if (name !== '' && !names.has(name)) throw new LockstepError('E_OVERLAY', `${place}: the overlay has no ${name}`);
  }
  return entries.map((entry) => {
    const said = manifest.get(entry.name);
    return said === undefined ? entry : governed(entry, said);
  });
}

function governed(entry: OverlayEntry, { type, mode, uid, gid, user, group, place }: ManifestEntry): OverlayEntry {
  if (type !== null && type !== typeNames[entry.kind]) {
    const message = `${place}: ${entry.name} is a ${typeNames[entry.kind]}, the manifest says ${type}`;
    throw new LockstepError('E_OVERLAY', message);
  }
  return {
    ...entry,
    mode: entry.kind === 'symlink' ? entry.mode : (mode ?? entry.mode),
    uid: uid ?? entry.uid,
    gid: gid ?? entry.gid,
    user,
    group,
    enforced: entry.kind === 'directory',
  };
}
