import { compareVersions } from '../version.ts';
import { type ChangeKind, changesBetween, type PackageChange } from './diff.ts';
import type { Pinned } from './pinned.ts';

/** A package's change with what it was and what it became. */
export interface MemberChange extends PackageChange {
  before: Pinned | null;
  after: Pinned | null;
}

/** The changed binary packages of one source package. */
export interface SourceChange {
  source: string;
  /** Source version; null: the source is new. Of a rebuild (binNMU), with its suffix. */
  from: string | null;
  /** null: nothing of it is left. */
  to: string | null;
  kind: ChangeKind;
  members: MemberChange[];
}

/**
 * How one set of packages became another, by source package. A binary package that comes or goes while others of its source
 * stay belongs to the change of that source: so do libraries and kernels whose name has a number in it.
 */
export function sourceChanges(before: readonly Pinned[], after: readonly Pinned[]): SourceChange[] {
  const [old, now] = [byName(before), byName(after)];
  const [oldSources, nowSources] = [newestOf(before), newestOf(after)];
  const groups = new Map<string, SourceChange>();
  for (const change of changesBetween(comparable(before, old, now), comparable(after, old, now))) {
    const member = { ...change, before: old.get(change.package) ?? null, after: now.get(change.package) ?? null };
    const source = (member.after ?? member.before)?.source ?? change.package;
    const from = member.before?.sourceVersion ?? oldSources.get(source) ?? null;
    const to = member.after?.sourceVersion ?? nowSources.get(source) ?? null;
    const key = JSON.stringify([source, from, to]);
    const group = groups.get(key) ?? { source, from, to, kind: kindOf(from, to, change.kind), members: [] };
    group.members.push(member);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0));
}

/** Where one side does not know the deb, equal versions count as equal. */
function comparable(side: readonly Pinned[], old: Map<string, Pinned>, now: Map<string, Pinned>) {
  const unknown = (name: string) => [old, now].some((all) => all.get(name)?.sha256 === null);
  return side.map(({ package: name, version, sha256 }) => {
    return { package: name, version, sha256: unknown(name) ? '' : (sha256 ?? '') };
  });
}

function kindOf(from: string | null, to: string | null, member: ChangeKind): ChangeKind {
  if (from === null) return 'added';
  if (to === null) return 'removed';
  const order = compareVersions(from, to);
  if (order !== 0) return order < 0 ? 'upgraded' : 'downgraded';
  return member;
}

/** The newest version of each source; mostly all packages of a source have the same. */
function newestOf(packages: readonly Pinned[]): Map<string, string> {
  const newest = new Map<string, string>();
  for (const { source, sourceVersion } of packages) {
    const known = newest.get(source);
    if (known === undefined || compareVersions(known, sourceVersion) < 0) newest.set(source, sourceVersion);
  }
  return newest;
}

function byName(packages: readonly Pinned[]): Map<string, Pinned> {
  return new Map(packages.map((pinned) => [pinned.package, pinned]));
}
