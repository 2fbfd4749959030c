import { createHash } from 'node:crypto';
import path from 'node:path';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { formatStanzas } from './deb822.ts';
import type { LockedPackage } from './locked-package.ts';
import { localLabel, preferences } from './preferences.ts';
import type { SuiteSource } from './toolbox-apt.ts';
import { type AptOption, toolboxApt } from './toolbox-apt.ts';

/** Signs Debian's suites; in every toolbox by the package debian-archive-keyring. */
export const archiveKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** An apt of an image's own: its lists, its empty dpkg status, its sources, nothing of the machine's. */
export interface PrivateRoot {
  dir: string;
  /** Value of APT_CONFIG, the only configuration that apt then reads. */
  config: string;
}

/**
 * Makes the private root of an image, or brings its configuration up to date; lists of an earlier run stay, so that apt
 * asks only for what is newer. Files are written through the toolbox, which may be another user than this process.
 */
export async function preparePrivateRoot(
  toolbox: Toolbox,
  image: ImageConfig,
  options: { dir: string; suites: readonly SuiteSource[]; keyring: string; local: readonly LockedPackage[] },
): Promise<PrivateRoot> {
  const { dir, suites, keyring, local } = options;
  const { acquire } = await toolboxApt(toolbox);
  const config = path.join(dir, 'apt.conf');
  const files = [
    [config, aptConfig(dir, image.arch, acquire)],
    [path.join(dir, 'image.sources'), sourcesText(suites, image.arch, keyring) + localSource(dir, local)],
    [path.join(dir, 'preferences'), preferences(image.pins, local.length > 0)],
    ...localIndex(dir, local),
  ];
  const result = await toolbox.run(['sh', '-euc', prepare, 'sh', dir, keyring, ...files.flat()], {
    check: false,
    timeoutMs: 60_000,
  });
  if (result.exitCode === noKeyring) {
    throw new LockstepError('E_TOOLBOX_TOOL', `the toolbox has no archive keyring ${keyring}`, {
      hint: 'install `debian-archive-keyring` where apt runs',
    });
  }
  if (result.exitCode !== 0) throw notPrepared(dir, result.stderr);
  return { dir, config };
}

const noKeyring = 66;

const prepare = `
dir=$1 keyring=$2
shift 2
test -r "$keyring" || exit ${noKeyring}
mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/local"
: > "$dir/status"
while [ $# -gt 0 ]; do
  printf %s "$2" > "$1"
  shift 2
done
`;

function notPrepared(dir: string, stderr: string): LockstepError {
  const code = /No space left on device|Disk quota exceeded/.test(stderr) ? 'E_DISK_FULL' : 'E_APT_FAILED';
  return new LockstepError(code, `cannot prepare ${dir}: ${stderr.trim()}`);
}

/** apt.conf(5) of a private root. What the toolbox says of proxies, certificates and clocks is carried over. */
export function aptConfig(dir: string, arch: string, acquire: readonly AptOption[]): string {
  const at = (name: string) => path.join(dir, name);
  const own: [string, string][] = [
    ['Dir', dir],
    ['Dir::State', dir],
    ['Dir::State::lists', at('lists')],
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
    ['APT::Install-Recommends', 'false'],
    // apt takes itself for essential; an image has it when it asks for it.
    ['pkgCacheGen::ForceEssential', ','],
    // The sha256 of each deb in what --print-uris prints.
    ['Acquire::ForceHash', 'SHA256'],
    ['Acquire::GzipIndexes', 'false'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '2'],
    ['Acquire::http::Timeout', '20'],
    ['Acquire::https::Timeout', '20'],
    // The lists are a cache: a new clone, which has none, must come to the same end when a suite becomes oldstable.
    ['Acquire::AllowReleaseInfoChange', 'true'],
    // A suite that could not be fetched anew is an error, not a warning.
    ['APT::Update::Error-Mode', 'any'],
  ];
  const carried = acquire.filter(({ name }) => isCarried(name)).map(({ name, value }) => [name, value] as const);
  return [...carried, ...own].map(([name, value]) => `${name} "${value}";\n`).join('');
}

/** What depends on the machine and its network rather than on the image. */
function isCarried(name: string): boolean {
  return /^Acquire::(https?::|ForceIPv[46]$|Check-Valid-Until$|Check-Date$|Max-ValidTime|Min-ValidTime)/i.test(name);
}

function sourcesText(suites: readonly SuiteSource[], arch: string, keyring: string): string {
  const stanza = ({ suite, base }: SuiteSource) =>
    `Types: deb\nURIs: ${base}\nSuites: ${suite}\nComponents: main\nArchitectures: ${arch}\nSigned-By: ${keyring}\n`;
  return suites.map(stanza).join('\n');
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
