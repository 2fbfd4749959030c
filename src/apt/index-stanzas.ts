import type { ImageConfig } from '../config/types.ts';
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

/** An index file that apt holds, and the suite that it is of. */
export interface IndexFile {
  suite: string;
  file: string;
}

/** The paths of {@link indexTargets}. */
export async function indexFiles(toolbox: Toolbox, root: PrivateRoot, image: ImageConfig): Promise<string[]> {
  return (await indexTargets(toolbox, root, image)).map(({ file }) => file);
}

/**
 * The index files that apt holds, in the order of the suites. Throws E_APT_NO_SUITE for a suite without one: apt passes
 * over a suite that has nothing for the architecture.
 */
export async function indexTargets(toolbox: Toolbox, root: PrivateRoot, image: ImageConfig): Promise<IndexFile[]> {
  const { exitCode, stdout, output } = await runApt(toolbox, root, ['sh', '-euc', listIndexes], { timeoutMs: 60_000 });
  if (exitCode !== 0) throw new LockstepError('E_APT_FAILED', `apt-get indextargets: ${output.trim().slice(-2000)}`);
  const found = [...stdout.matchAll(/^index (\S+) (.+)$/gm)].map(([, suite, file]) => ({ suite: suite!, file: file! }));
  const empty = image.suites.find((suite) => !found.some((index) => index.suite === suite));
  if (empty === undefined) return found;
  throw new LockstepError(
    'E_APT_NO_SUITE',
    `image ${image.name}: the suite ${empty} has no packages for ${image.arch}`,
    {
      hint: 'correct `suites:` or `arch:` of the image',
    },
  );
}

const listIndexes = `
lines=$(apt-get indextargets --format 'index $(RELEASE) $(FILENAME)' 'Created-By: Packages')
while IFS= read -r line; do
  file=\${line#index * }
  if [ -e "$file" ]; then echo "$line"; fi
done <<LINES
$lines
LINES
`;

/**
 * The stanzas of the chosen debs, byte for byte as the suites' indexes have them. (`apt-cache show` moves fields about.)
 * One pass over the indexes in the toolbox, so that only what is wanted travels.
 */
export async function stanzasOf(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly string[],
  debs: readonly ChosenDeb[],
): Promise<LockedPackage[]> {
  const argv = ['env', 'LC_ALL=C', 'awk', byDigest, '-', 'RS=', 'ORS=\\n\\n', ...indexes];
  const { exitCode, stdout, output } = await runApt(toolbox, root, argv, {
    input: debs.map((deb) => `${deb.sha256}\n`).join(''),
    timeoutMs: 120_000,
  });
  if (exitCode !== 0) throw unreadable(output.slice(-2000));
  const published = parsed(stdout);
  return debs.map((deb) => stanzaOf(deb, published));
}

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
