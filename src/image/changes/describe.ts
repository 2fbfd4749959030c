import pLimit from 'p-limit';
import type { DescribedChanges, DescribedPackage, DescribedSource } from '../../apt/changes/described.ts';
import type { Pinned } from '../../apt/changes/pinned.ts';
import { referencesOf } from '../../apt/changes/references.ts';
import { sizesOf } from '../../apt/changes/sizes.ts';
import { type MemberChange, type SourceChange, sourceChanges } from '../../apt/changes/source-changes.ts';
import { DebChangelogs, type FoundChanges } from './deb-changelogs.ts';

export interface Description extends DescribedChanges {
  /** Debs that would have to be imported for the changelogs that are not here, one for each of these. */
  missing: Pinned[];
}

/** Changelogs that are read at once: Node's threads unpack them. */
const readers = 8;

/**
 * How one set of packages became another, with the changelogs of the debs that `repo` has. @param before of a device, or of
 * a lockfile
 */
export async function describeChanges(
  before: readonly Pinned[],
  after: readonly Pinned[],
  repo: string,
): Promise<Description> {
  const groups = sourceChanges(before, after);
  const changelogs = { newer: new DebChangelogs(repo, after), older: new DebChangelogs(repo, before) };
  const limit = pLimit(readers);
  const found = await Promise.all(groups.map((group) => limit(describeSource, group, changelogs)));
  return {
    changes: groups.flatMap(({ members }) => members.map(describePackage)).sort(byPackage),
    sources: found.map(({ described }) => described),
    size: sizesOf(before, after),
    missing: found.flatMap(({ missing }) => missing ?? []),
  };
}

interface Changelogs {
  newer: DebChangelogs;
  older: DebChangelogs;
}

async function describeSource(
  { source, from, to, kind, members }: SourceChange,
  changelogs: Changelogs,
): Promise<{ described: DescribedSource; missing: Pinned | null }> {
  const found = await changesOf({ source, from, to, kind, members }, changelogs);
  const entries = found?.state === 'found' ? found.entries : [];
  const packages = members.map((member) => member.package);
  const named = { source, from, to, kind, packages, ...referencesOf(entries) };
  return {
    described: { ...named, ...toldOf(found), entries },
    missing: found?.state === 'not-here' ? found.deb : null,
  };
}

function toldOf(found: FoundChanges | null): Pick<DescribedSource, 'changelog' | 'fetchable' | 'note'> {
  const fetchable = false;
  if (found === null) return { changelog: 'not-needed', fetchable, note: null };
  if (found.state === 'none') return { changelog: 'none', fetchable, note: found.why };
  if (found.state === 'found') {
    if (found.complete) return { changelog: 'whole', fetchable, note: null };
    return { changelog: 'cut', fetchable, note: 'the changelog does not reach back to the older version' };
  }
  const { package: name, sha256 } = found.deb;
  const note =
    sha256 === null
      ? `the changelog is in a deb that the device alone has, of ${name}`
      : `the changelog is not here: \`lockstep diff --fetch\` or \`lockstep build\` imports the deb of ${name}`;
  return { changelog: 'not-here', fetchable: sha256 !== null, note };
}

/** Null when nothing can be between the versions. Those of a downgrade stand in the older set's debs. */
async function changesOf(change: SourceChange, { newer, older }: Changelogs): Promise<FoundChanges | null> {
  const { from, to, kind, members } = change;
  if (from === null || to === null || (kind !== 'upgraded' && kind !== 'downgraded')) return null;
  const isUpgrade = kind === 'upgraded';
  const range = isUpgrade ? { from, to } : { from: to, to: from };
  const debs = candidatesOf(members, isUpgrade ? 'after' : 'before');
  let answer: FoundChanges = { state: 'none', why: 'none of its packages is left' };
  for (const [index, deb] of debs.entries()) {
    const found = await (isUpgrade ? newer : older).between(deb, range);
    if (found.state === 'found') return found;
    if (index === 0 || (answer.state === 'none' && found.state === 'not-here')) answer = found;
  }
  return answer;
}

/** The smallest deb first, since one that is missing may be fetched for its changelog alone. */
function candidatesOf(members: readonly MemberChange[], side: 'before' | 'after'): Pinned[] {
  const debs = members.map((member) => member[side]).filter((deb) => deb !== null);
  return debs.sort((a, b) => (a.size ?? 0) - (b.size ?? 0));
}

function describePackage({ before, after, ...change }: MemberChange): DescribedPackage {
  const of = (key: 'size' | 'installedSize') => ({ from: before?.[key] ?? null, to: after?.[key] ?? null });
  const source = (after ?? before)?.source ?? change.package;
  return { ...change, source, size: of('size'), installedSize: of('installedSize') };
}

function byPackage(a: DescribedPackage, b: DescribedPackage): number {
  return a.package < b.package ? -1 : 1;
}
