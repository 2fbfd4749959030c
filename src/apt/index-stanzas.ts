import { randomBytes } from 'node:crypto';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import type { AptSource } from './apt-source.ts';
import { Deb822Error, parseStanzas } from './deb822.ts';
import type { IndexFile } from './index-targets.ts';
import { type LockedPackage, lockedPackage } from './locked-package.ts';
import type { PrivateRoot } from './private-root.ts';

/** A deb as apt would download it. */
export interface ChosenDeb {
  url: string;
  sha256: string;
}

/** The stanzas of {@link publishedStanzas}. */
export async function stanzasOf(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly string[],
  debs: readonly ChosenDeb[],
): Promise<LockedPackage[]> {
  const files = indexes.map((file) => ({ file, source: null }));
  return (await publishedStanzas(toolbox, root, files, debs)).map(({ locked }) => locked);
}

/**
 * The stanzas of the chosen debs, byte for byte as the suites' indexes have them. (`apt-cache show` moves fields about.)
 * One pass over the indexes in the toolbox, so that only what is wanted travels. Throws E_APT_BAD_INDEX, E_APT_FAILED.
 */
export async function publishedStanzas<Index extends Pick<IndexFile, 'file' | 'source'>>(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly Index[],
  debs: readonly ChosenDeb[],
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
  return debs.map((deb) => chosenFrom(published, deb));
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

/** Overlapping suites publish the same deb under different paths: the one that apt would fetch counts. */
function chosenFrom<Index extends Pick<IndexFile, 'source'>>(
  published: readonly { locked: LockedPackage; index: Index }[],
  deb: ChosenDeb,
): { locked: LockedPackage; index: Index } {
  const same = published.filter(({ locked }) => locked.sha256 === deb.sha256);
  const path = decodeURIComponent(deb.url);
  const found =
    same.find(({ locked, index }) => `${index.source?.base}/${locked.filename}` === path) ??
    same.find(({ locked }) => path.endsWith(`/${locked.filename}`)) ??
    same[0];
  if (found === undefined) throw unreadable(`no stanza for ${deb.url}`);
  return found;
}

function unreadable(message: string): LockstepError {
  return new LockstepError('E_APT_FAILED', `the indexes that apt fetched cannot be read: ${message}`);
}
