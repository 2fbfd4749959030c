import { randomBytes } from 'node:crypto';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { Deb822Error, parseStanzas } from '../deb822.ts';
import { isStill } from '../lockfile/kept-stanza.ts';
import { type LockedPackage, lockedPackage } from '../lockfile/locked-package.ts';
import { isLocalOrigin, type PackageOrigin } from '../provenance/provenance.ts';
import { runApt } from '../root/apt-run.ts';
import type { PrivateRoot } from '../root/private-root.ts';
import type { AptSource } from './apt-source.ts';
import type { IndexFile } from './index-targets.ts';

/** A deb as apt would download it. */
export interface ChosenDeb {
  url: string;
  sha256: string;
}

type IndexOf = Pick<IndexFile, 'file' | 'source' | 'suite' | 'component'>;

/** The stanzas of {@link publishedStanzas}. */
export async function stanzasOf(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly string[],
  debs: readonly ChosenDeb[],
): Promise<LockedPackage[]> {
  const files = indexes.map((file) => ({ file, source: null, suite: '', component: '' }));
  return (await publishedStanzas(toolbox, root, files, debs)).map(({ locked }) => locked);
}

/**
 * The stanzas of the chosen debs, byte for byte as the suites' indexes have them. (`apt-cache show` moves fields about.)
 * One pass over the indexes in the toolbox, so that only what is wanted travels. Throws E_APT_BAD_INDEX, E_APT_FAILED.
 * @param before what the present lockfile pins, and where from: that stays where it still holds
 */
export async function publishedStanzas<Index extends IndexOf>(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly Index[],
  debs: readonly ChosenDeb[],
  before: { locked?: readonly LockedPackage[]; origins?: ReadonlyMap<string, PackageOrigin> } = {},
): Promise<{ locked: LockedPackage; index: Index }[]> {
  // A line that no archive can have put into a stanza.
  const mark = `@${randomBytes(8).toString('hex')}`;
  const files = indexes.map(({ file }) => file);
  const argv = ['env', 'LC_ALL=C', 'awk', '-v', `mark=${mark}`, byDigest, '-', 'RS=', ...files];
  const { exitCode, stdout, output } = await runApt(toolbox, root, argv, {
    input: debs.map((deb) => `${deb.sha256}\n`).join(''),
    timeoutMs: 120_000,
  });
  if (exitCode !== 0) throw unreadable(output.slice(-2000));
  const records = stdout.split(`${mark} `).slice(1);
  const published = records.map((record) => {
    const end = record.indexOf('\n');
    const index = indexes.find(({ file }) => file === record.slice(0, end))!;
    return { locked: parsed(record.slice(end + 1), index.source), index };
  });
  const pinned = new Map((before.locked ?? []).map((each) => [each.sha256, each]));
  return debs.map((deb) => {
    const locked = pinned.get(deb.sha256);
    const origin = locked === undefined ? undefined : before.origins?.get(locked.package);
    return chosenFrom(published, deb, { locked, origin });
  });
}

/** First file: the wanted digests, one a line; then the indexes, a record for each stanza. Intervals are unknown to mawk. */
const byDigest = `
NR == FNR { wanted[$1] = 1; next }
{ at = index($0, "\\nSHA256: "); if (at && substr($0, at + 9, 64) in wanted) print mark " " FILENAME "\\n" $0 }
`;

function parsed(record: string, source: AptSource | null): LockedPackage {
  try {
    return lockedPackage(parseStanzas(record)[0]!);
  } catch (error) {
    if (!(error instanceof Deb822Error)) throw error;
    const whose = source === null ? 'an index' : `the suite ${source.suite} of ${source.base}`;
    throw new LockstepError('E_APT_BAD_INDEX', `${whose} has a stanza that cannot be built from: ${error.message}`, {
      hint: 'use another mirror, and tell whoever runs the archive; the lockfile was not touched',
    });
  }
}

/**
 * Overlapping suites publish the same deb under different paths: the one that is locked counts as long as there is one,
 * else the one that apt would fetch.
 */
function chosenFrom<Index extends IndexOf>(
  published: readonly { locked: LockedPackage; index: Index }[],
  deb: ChosenDeb,
  before: { locked?: LockedPackage; origin?: PackageOrigin },
): { locked: LockedPackage; index: Index } {
  const same = published.filter(({ locked }) => locked.sha256 === deb.sha256);
  const kept = same.filter(({ locked, index }) => index.source !== null && isStill(locked, before.locked));
  const [first] = kept;
  if (first !== undefined) {
    const there = kept.find(({ index }) => isOrigin(index, before.origin)) ?? first;
    return { ...there, locked: before.locked! };
  }
  const path = decodeURIComponent(deb.url);
  const found =
    same.find(({ locked, index }) => `${index.source?.base}/${locked.filename}` === path) ??
    same.find(({ locked }) => path.endsWith(`/${locked.filename}`)) ??
    same[0];
  if (found === undefined) throw unreadable(`no stanza for ${deb.url}`);
  return found;
}

function isOrigin({ source, suite, component }: IndexOf, origin: PackageOrigin | undefined): boolean {
  if (origin === undefined || isLocalOrigin(origin)) return false;
  return origin.repository === source?.repository && origin.suite === suite && origin.component === component;
}

function unreadable(message: string): LockstepError {
  return new LockstepError('E_APT_FAILED', `the indexes that apt fetched cannot be read: ${message}`);
}
