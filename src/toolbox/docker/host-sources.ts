import { execa } from 'execa';

/** Where this machine gets Debian from, for an image that is to get it from the same place. */
export interface HostSources {
  /** Codename of the release: `bookworm`. */
  suite: string;
  /** One-line sources.list entries of the release, its updates and its security suite. */
  lines: string[];
}

/** One line of `apt-get indextargets` in the format below. */
interface Entry {
  uri: string;
  release: string;
  component: string;
}

/**
 * Debian's own suites among this machine's apt sources; null when there are none, or apt has not yet fetched their
 * indexes. Other archives that the machine knows are left out: their keys and names mean nothing elsewhere.
 */
export async function hostSources(): Promise<HostSources | null> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const { stdout } = await execa(
    'apt-get',
    ['indextargets', '--format', format, 'Created-By: Packages', 'Origin: Debian'],
    {
      reject: false,
      timeout: 30_000,
    },
  );
  return sourcesOf(String(stdout ?? ''));
}

export function sourcesOf(indexTargets: string): HostSources | null {
  const entries = indexTargets.split('\n').flatMap(entryOf);
  const suite = entries.find(({ release }) => entries.some((other) => other.release === `${release}-updates`))?.release;
  if (suite === undefined) return null;
  const wanted = [suite, `${suite}-updates`, `${suite}-security`];
  const lines = entries
    .filter(({ release, component }) => wanted.includes(release) && component === 'main')
    .map(({ uri, release, component }) => `deb ${uri} ${release} ${component}`);
  return { suite, lines: [...new Set(lines)] };
}

function entryOf(line: string): Entry[] {
  const [uri, release, component] = line.trim().split(' ');
  return uri && release && component ? [{ uri, release, component }] : [];
}

/** How apt here reaches and judges its archive; the same must hold in an image that gets Debian from the same place. */
const carriedOptions = [
  'Acquire::http::Proxy',
  'Acquire::https::Proxy',
  'Acquire::Check-Valid-Until',
  'Acquire::Check-Date',
];

/** Lines of apt.conf. */
export async function hostAptOptions(): Promise<string[]> {
  const { stdout } = await execa('apt-config', ['dump', '--format', '%f "%v";%n', ...carriedOptions], {
    reject: false,
    timeout: 30_000,
  });
  return String(stdout ?? '')
    .split('\n')
    .filter((line) => carriedOptions.some((name) => line.startsWith(`${name} "`)) && !line.endsWith(' "";'));
}
