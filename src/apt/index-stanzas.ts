import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import { Deb822Error, parseStanzas } from './deb822.ts';
import { type LockedPackage, lockedPackage } from './locked-package.ts';
import type { PrivateRoot } from './private-root.ts';

/** A deb as apt would download it. */
export interface ChosenDeb {
  url: string;
  sha256: string;
}

/**
 * The stanzas of the chosen debs, byte for byte as the suites' indexes have them. (`apt-cache show` moves fields about.)
 * One pass over the indexes in the toolbox, so that only what is wanted travels.
 */
export async function stanzasOf(
  toolbox: Toolbox,
  root: PrivateRoot,
  debs: readonly ChosenDeb[],
): Promise<LockedPackage[]> {
  const { exitCode, output } = await runApt(toolbox, root, ['sh', '-c', selectFromIndexes, 'sh', byDigest], {
    input: debs.map((deb) => `${deb.sha256}\n`).join(''),
    timeoutMs: 120_000,
  });
  if (exitCode !== 0) throw unreadable(output.slice(0, 2000));
  const published = parsed(output);
  return debs.map((deb) => stanzaOf(deb, published));
}

/** A path of an index file may hold blanks, hence the word splitting at newlines only. */
const selectFromIndexes = `
set -f
IFS='
'
LC_ALL=C exec awk "$1" - RS= ORS='\\n\\n' $(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages')
`;

/** First file: the wanted digests, one a line; then the indexes, a record for each stanza. Intervals are unknown to mawk. */
const byDigest = `
NR == FNR { wanted[$1] = 1; next }
{ at = index($0, "\\nSHA256: "); if (at && substr($0, at + 9, 64) in wanted) print }
`;

function parsed(output: string): LockedPackage[] {
  try {
    return parseStanzas(output).map((stanza) => lockedPackage(stanza));
  } catch (error) {
    if (error instanceof Deb822Error) throw unreadable(error.message);
    throw error;
  }
}

/** Overlapping suites publish the same deb under different paths: the one that apt would fetch counts. */
function stanzaOf(deb: ChosenDeb, published: readonly LockedPackage[]): LockedPackage {
  const same = published.filter((candidate) => candidate.sha256 === deb.sha256);
  const path = decodeURIComponent(deb.url);
  const found = same.find((candidate) => path.endsWith(`/${candidate.filename}`)) ?? same[0];
  if (found === undefined) throw unreadable(`no stanza for ${deb.url}`);
  return found;
}

function unreadable(message: string): LockstepError {
  return new LockstepError('E_APT_FAILED', `the indexes that apt fetched cannot be read: ${message}`);
}
