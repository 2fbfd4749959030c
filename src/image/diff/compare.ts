import { changesBetween, type PackageChange, type Versioned } from '../../apt/changes/diff.ts';
import type { Tree, TreeEntry } from '../../ostree/tree.ts';
import { formatCapabilities } from './capabilities.ts';
import { type FileChange, fileChanges } from './file-changes.ts';
import type { PackageDatabase } from './package-database.ts';

/** A commit as far as two are compared. */
export interface ImageContents {
  tree: Tree;
  database: PackageDatabase;
}

export interface SizeChange {
  /** null: what no package brought. */
  package: string | null;
  /** Bytes of its files. */
  from: number;
  to: number;
}

/** A file that runs with more rights than those of its caller, or no longer does. */
export interface PrivilegeChange {
  path: string;
  package: string | null;
  /** Such as `setuid root` or `cap_net_raw=ep`; null: none. */
  from: string | null;
  to: string | null;
}

export interface UnitChange {
  /** Such as `ssh.service`, `ssh.service.d/local.conf` or, for one that was switched on, `multi-user.target.wants/ssh.service`. */
  unit: string;
  manager: 'system' | 'user';
  path: string;
  kind: FileChange['kind'];
}

export interface ImageDifference {
  packages: PackageChange[];
  files: FileChange[];
  /** Of packages whose size changed, the largest change first. */
  sizes: SizeChange[];
  privileges: PrivilegeChange[];
  units: UnitChange[];
  /** Configuration files that packages brought or no longer bring. */
  conffiles: FileChange[];
  /** Bytes of all files. */
  size: { from: number; to: number };
}

export function compareImages(before: ImageContents, after: ImageContents): ImageDifference {
  const ownerOf = (path: string) => after.database.owners.get(path) ?? before.database.owners.get(path) ?? null;
  const files = fileChanges(before.tree, after.tree, ownerOf);
  const kindAt = (path: string) => (after.tree.get(path) ?? before.tree.get(path))?.kind;
  const [from, to] = [sizesOf(before), sizesOf(after)];
  const isConffile = ({ path }: FileChange) =>
    before.database.conffiles.has(path) || after.database.conffiles.has(path);
  return {
    packages: changesBetween(versionsOf(before), versionsOf(after)),
    files,
    sizes: sizeChanges(from, to),
    privileges: files.flatMap((change) => privilegeChange(change, before.tree, after.tree)),
    units: files.filter(({ path }) => kindAt(path) !== 'directory').flatMap(unitChange),
    conffiles: files.filter(isConffile),
    size: { from: total(from), to: total(to) },
  };
}

/** A commit does not say which deb a package came from: a rebuilt one shows by its files. */
function versionsOf({ database }: ImageContents): Versioned[] {
  return [...database.versions].map(([name, version]) => ({ package: name, version, sha256: '' }));
}

type Sizes = Map<string | null, number>;

function sizesOf({ tree, database }: ImageContents): Sizes {
  const sizes: Sizes = new Map();
  for (const [path, { size }] of tree) {
    const owner = database.owners.get(path) ?? null;
    sizes.set(owner, (sizes.get(owner) ?? 0) + size);
  }
  return sizes;
}

function sizeChanges(before: Sizes, after: Sizes): SizeChange[] {
  const packages = [...new Set([...before.keys(), ...after.keys()])];
  const all = packages.map((name) => ({ package: name, from: before.get(name) ?? 0, to: after.get(name) ?? 0 }));
  const by = ({ from, to }: SizeChange) => Math.abs(to - from);
  return all.filter(({ from, to }) => from !== to).sort((a, b) => by(b) - by(a));
}

function privilegeChange({ path, package: owner }: FileChange, before: Tree, after: Tree): PrivilegeChange[] {
  const [from, to] = [privilegeOf(before.get(path)), privilegeOf(after.get(path))];
  return from === to ? [] : [{ path, package: owner, from, to }];
}

function privilegeOf(entry: TreeEntry | undefined): string | null {
  if (entry?.kind !== 'file') return null;
  const named = (id: number) => (id === 0 ? 'root' : String(id));
  const rights = [
    ...((entry.mode & 0o4000) === 0 ? [] : [`setuid ${named(entry.uid)}`]),
    ...((entry.mode & 0o2000) === 0 ? [] : [`setgid ${named(entry.gid)}`]),
    ...(entry.capability === null ? [] : [formatCapabilities(entry.capability)]),
  ];
  return rights.length === 0 ? null : rights.join(', ');
}

function unitChange({ path, kind }: FileChange): UnitChange[] {
  const [, manager, unit] = /^(?:\/usr)?\/(?:lib|etc)\/systemd\/(system|user)\/(.*\.[a-z]+)$/.exec(path) ?? [];
  return unit === undefined ? [] : [{ unit, manager: manager as UnitChange['manager'], path, kind }];
}

const total = (sizes: Sizes) => [...sizes.values()].reduce((sum, size) => sum + size, 0);
