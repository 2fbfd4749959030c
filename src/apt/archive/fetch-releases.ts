import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { RecordedRelease } from '../provenance/provenance.ts';
import { runApt } from '../root/apt-run.ts';
import type { PrivateRoot } from '../root/private-root.ts';
import type { AptSource } from './apt-source.ts';
import type { IndexFile } from './index-targets.ts';
import { sourceLabel } from './source-label.ts';

/** A suite as apt fetched it, and its state. */
export interface FetchedRelease {
  source: AptSource;
  release: RecordedRelease;
}

/**
 * What the suites of the indexes say of themselves and who signed that, of the bytes that apt has just fetched and
 * checked. Then suites with a priority are given the label that apt knows them by. Throws E_APT_FAILED, E_TOOLBOX_TOOL.
 */
export async function readReleases(
  toolbox: Toolbox,
  root: PrivateRoot,
  indexes: readonly IndexFile[],
): Promise<FetchedRelease[]> {
  const suites = new Map(indexes.flatMap(({ source, release }) => (source === null ? [] : [[release, source]])));
  // Of images that share indexes, some may give a suite a priority, and others none.
  const ranked = new Set(indexes.filter(({ source }) => source?.priority != null).map(({ release }) => release));
  const args = [...suites].flatMap(([release, source]) => [
    release,
    root.keyringOf(source),
    ranked.has(release) ? sourceLabel(source) : '',
  ]);
  const argv = ['sh', '-euc', readEach, 'sh', ...args];
  const { exitCode, stdout, output } = await runApt(toolbox, root, argv, { timeoutMs: 60_000 });
  if (exitCode === noVerifier) {
    throw new LockstepError('E_TOOLBOX_TOOL', 'the toolbox has no gpgv', { hint: 'install `gpgv` there' });
  }
  if (exitCode !== 0) throw new LockstepError('E_APT_FAILED', `the suites cannot be read: ${output.slice(-2000)}`);
  const texts = stdout.split(/^\[RELEASE\]\n/m).slice(1);
  return [...suites.values()].map((source, at) => ({ source, release: recorded(source, texts[at] ?? '') }));
}

/** sha256sum's line, gpgv's status lines (doc/DETAILS of GnuPG), the fields of a Release file. */
function recorded({ repository, suite }: AptSource, text: string): RecordedRelease {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t\\r]*$`, 'm').exec(text)?.[1] || null;
  const date = field('Date');
  const sha256 = /^([0-9a-f]{64}) /m.exec(text)?.[1];
  if (date === null || Number.isNaN(Date.parse(date)) || sha256 === undefined) {
    throw new LockstepError('E_APT_BAD_INDEX', `the Release file of the suite ${suite} has no date: ${date}`);
  }
  const signers = [
    ...text.matchAll(/^\[GNUPG:\] GOODSIG .*\n(?:(?!\[GNUPG:\] NEWSIG).*\n)*?\[GNUPG:\] VALIDSIG (.*)$/gm),
  ]
    // The last word is the fingerprint of the primary key.
    .map(([, words]) => words!.trim().split(' ').at(-1)!)
    .filter((word) => /^[0-9A-F]{40,64}$/.test(word));
  const said = { origin: field('Origin'), label: field('Label'), archive: field('Suite'), codename: field('Codename') };
  return { repository, suite, ...said, version: field('Version'), date, sha256, signers: [...new Set(signers)].sort() };
}

const noVerifier = 65;

const readEach = `
command -v gpgv > /dev/null || exit ${noVerifier}
while [ $# -gt 0 ]; do
  file="$1InRelease" keyring=$2 label=$3
  echo '[RELEASE]'
  if [ -e "$file" ]; then
    sha256sum < "$file"
    gpgv --status-fd 1 --keyring "$keyring" "$file" 2> /dev/null || true
  else
    file="$1Release"
    sha256sum < "$file"
    gpgv --status-fd 1 --keyring "$keyring" "$1Release.gpg" "$file" 2> /dev/null || true
  fi
  LC_ALL=C grep -a '^[A-Z][A-Za-z-]*: ' "$file" || true
  if [ -n "$label" ]; then
    sed -i -e '/^Label:/d' -e "s/^Date:/Label: $label\\\\nDate:/" "$file"
  fi
  shift 3
done
`;
