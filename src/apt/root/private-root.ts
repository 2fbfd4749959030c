import { createHash } from 'node:crypto';
import path from 'node:path';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { type AptSource, sourcesText } from '../archive/apt-source.ts';
import { formatStanzas } from '../deb822.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';
import { localLabel, preferences } from './preferences.ts';
import { putKeyrings } from './put-keyrings.ts';
import { type AptOption, toolboxApt } from './toolbox-apt.ts';

/** Signs Debian's suites; in every toolbox by the package debian-archive-keyring. */
export const archiveKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** An apt of an image's own: its lists, its empty dpkg status, its sources, nothing of the machine's. */
export interface PrivateRoot {
  dir: string;
  /** Value of APT_CONFIG, the only configuration that apt then reads. */
  config: string;
  /** Where its indexes are: roots may share them. */
  lists: string;
  /** What they are read from, debs of the project's own apart. */
  sources: readonly AptSource[];
  /** Path of the keyring that a source's signatures are checked against. */
  keyringOf(source: AptSource): string;
}

export interface RootOptions {
  dir: string;
  sources: readonly AptSource[];
  local: readonly LockedPackage[];
  /** Directory of the indexes: the root's own when not given. */
  lists?: string;
}

/**
 * Makes the private root of an image, or brings its configuration up to date; lists of an earlier run stay, so that apt
 * asks only for what is newer. Files are written through the toolbox, which may be another user than this process.
 */
export async function preparePrivateRoot(
  toolbox: Toolbox,
  image: ImageConfig,
  { dir, sources, local, lists = path.join(dir, 'lists') }: RootOptions,
): Promise<PrivateRoot> {
  const { acquire } = await toolboxApt(toolbox);
  const keyringOf = await putKeyrings(toolbox, path.join(path.dirname(dir), '.keyrings'), sources);
  const config = path.join(dir, 'apt.conf');
  const text = sourcesText(sources, image.arch, (keyring) => keyringOf(keyring));
  const files = [
    [config, aptConfig(dir, image.arch, acquire, { lists, recommends: image.recommends })],
    [path.join(dir, 'image.sources'), text + localSource(dir, local)],
    [path.join(dir, 'preferences'), preferences(image.pins, local.length > 0, { ...image, sources })],
    ...localIndex(dir, local),
  ];
  const keyrings = [...new Set(sources.map(({ keyring }) => keyringOf(keyring)))];
  const argv = ['sh', '-euc', prepare, 'sh', dir, lists, `${keyrings.length}`, ...keyrings, ...files.flat()];
  const result = await toolbox.run(argv, { check: false, timeoutMs: 60_000 });
  if (result.exitCode === noKeyring) {
    throw new LockstepError('E_TOOLBOX_TOOL', `the toolbox has no archive keyring ${result.stdout.trim()}`, {
      hint: 'install `debian-archive-keyring` where apt runs',
    });
  }
  if (result.exitCode !== 0) throw notPrepared(dir, result.stderr);
  return { dir, config, lists, sources, keyringOf: ({ keyring }) => keyringOf(keyring) };
}

const noKeyring = 66;

const prepare = `
dir=$1 lists=$2 keyrings=$3
shift 3
for _ in $(seq "$keyrings"); do
  test -r "$1" || { echo "$1"; exit ${noKeyring}; }
  shift
done
mkdir -p "$lists/partial" "$dir/cache/archives/partial" "$dir/local"
if [ "$lists" != "$dir/lists" ]; then rm -rf "$dir/lists"; fi
# apt's cache of the indexes stays good as long as all of this stays as it is.
[ -e "$dir/status" ] && [ ! -s "$dir/status" ] || : > "$dir/status"
while [ $# -gt 0 ]; do
  if ! printf %s "$2" | cmp -s - "$1"; then
    printf %s "$2" > "$1"
    rm -f "$dir"/cache/*.bin
  fi
  shift 2
done
`;

function notPrepared(dir: string, stderr: string): LockstepError {
  const code = /No space left on device|Disk quota exceeded/.test(stderr) ? 'E_DISK_FULL' : 'E_APT_FAILED';
  return new LockstepError(code, `cannot prepare ${dir}: ${stderr.trim()}`);
}

/** apt.conf(5) of a private root. What the toolbox says of proxies, certificates and clocks is carried over. */
function aptConfig(
  dir: string,
  arch: string,
  acquire: readonly AptOption[],
  { lists, recommends }: { lists: string; recommends: boolean },
): string {
  const at = (name: string) => path.join(dir, name);
  const own: [string, string][] = [
    ['Dir', dir],
    ['Dir::State', dir],
    ['Dir::State::lists', lists],
    ['Dir::State::status', at('status')],
    ['Dir::Cache', at('cache')],
    ['Dir::Etc', dir],
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', '/dev/null'],
    ['Dir::Etc::sourcelist', at('image.sources')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferences', at('preferences')],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::Etc::trusted', '/dev/null'],
    ['Dir::Etc::trustedparts', '/dev/null'],
    ['APT::Architecture', arch],
    ['APT::Architectures::', arch],
    ['APT::Install-Recommends', `${recommends}`],
    // apt takes itself for essential; an image has it when it asks for it.
    ['pkgCacheGen::ForceEssential', ','],
    // The sha256 of each deb in what --print-uris prints.
    ['Acquire::ForceHash', 'SHA256'],
    ['Acquire::GzipIndexes', 'false'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '2'],
    // The lists are a cache: a new clone, which has none, must come to the same end when a suite becomes oldstable.
    ['Acquire::AllowReleaseInfoChange', 'true'],
    // A suite that could not be fetched anew is an error, not a warning.
    ['APT::Update::Error-Mode', 'any'],
  ];
  const carried = acquire.filter(({ name }) => isCarried(name)).map(({ name, value }) => [name, value] as const);
  return [...bounds, ...carried, ...own].map(([name, value]) => `${name} "${value}";\n`).join('');
}

/** In seconds, where the machine has no opinion of its own. */
const bounds = [
  ['Acquire::http::Timeout', '20'],
  ['Acquire::https::Timeout', '20'],
] as const;

/** What depends on the machine and its network rather than on the image. */
function isCarried(name: string): boolean {
  return /^Acquire::(https?::|ForceIPv[46]$|Check-Valid-Until$|Check-Date$|Max-ValidTime|Min-ValidTime)/i.test(name);
}

/** Debs of the project's own as a flat archive; trusted, as the index is made here from the files themselves. */
function localSource(dir: string, local: readonly LockedPackage[]): string {
  if (local.length === 0) return '';
  return `\nTypes: deb\nURIs: file:${encodeURI(path.join(dir, 'local'))}\nSuites: ./\nTrusted: yes\n`;
}

/** Its index, and the Release without which apt would call it incomplete. */
function localIndex(dir: string, local: readonly LockedPackage[]): string[][] {
  if (local.length === 0) return [];
  const index = formatStanzas(local.map(({ fields }) => fields));
  const digest = createHash('sha256').update(index).digest('hex');
  const release = `Label: ${localLabel}\nDate: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n ${digest} ${Buffer.byteLength(index)} Packages\n`;
  return [
    [path.join(dir, 'local/Packages'), index],
    [path.join(dir, 'local/Release'), release],
  ];
}
