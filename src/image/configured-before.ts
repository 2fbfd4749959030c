import type { Emulation } from '../emulation/emulation.ts';
import {
  type ListedEntry,
  listedEntry,
  listTree,
  type Observation,
  openedFiles,
  recall,
  remember,
} from './observation.ts';
import { type BuildEnvironment, digestOf } from './stage.ts';
import { changedPackages, configuredAgain, decisiveStatus } from './unpack/configured-status.ts';
import { isAsked, patternsAsked } from './unpack/database-queries.ts';
import type { RootPlan } from './unpack/unpack-root.ts';

/*
 * Maintainer scripts need not run again when only files have changed that nothing opened while they ran. What they did is
 * then the same, and the configured tree is that of the time before with the new files in the place of the old ones.
 */

/** What is known of the run beside what it opened. */
interface Notes {
  /** dpkg's status file as it was unpacked, a character for each byte. */
  status: string;
  /** Of which packages somebody may have learnt the version, by patterns. */
  asked: string[];
}

const statusFile = 'status';

/** Digest of what decides how a tree is configured, beside the tree and the versions of its packages. */
export function reuseKey(plan: RootPlan, { way, toolsDigest }: Emulation, how: readonly (string | null)[]): string {
  const database = plan.admin.filter(({ path }) => path !== statusFile).flatMap(({ path, content }) => [path, content]);
  const rest = [plan.steps, plan.conffiles.toString('latin1'), decisiveStatus(statusOf(plan))];
  // Native programs read libraries of their own: these are no files of the tree.
  return digestOf('configure', ...how, way, toolsDigest, ...rest, ...database);
}

/**
 * Makes the configured tree in `root`, hard links into the repository, from one that was configured before; says whether
 * it could. Nothing is there when it could not.
 */
export async function configureAgain(
  build: BuildEnvironment,
  key: string,
  unpacked: string,
  plan: RootPlan,
  root: string,
): Promise<boolean> {
  const known = await recall(build, 'configure', key, unpacked);
  if (known === null) return false;
  const { status: before, asked } = known.notes as Notes;
  const changed = changedPackages(before, statusOf(plan));
  if (changed === null || changed.some((name) => isAsked(name, asked))) return false;
  const places = await changedPlaces(build, known, unpacked);
  const configured = await build.toolbox.run(['ostree', `--repo=${build.repo}`, 'cat', known.result, statusPath]);
  const status = configuredAgain(before, Buffer.from(configured.stdout).toString('latin1'), statusOf(plan));
  if (places === null || status === null) return false;
  const argv = ['bash', '-euo', 'pipefail', '-c', replace, 'bash', build.repo, known.result, unpacked, root];
  const input = [...places.map((place) => `${place}\0`), `\0${status}`].join('');
  await build.toolbox.run(argv, { input: Buffer.from(input, 'latin1') });
  return true;
}

const statusPath = '/var/lib/dpkg/status';
/** For the steps of unpacking; gone when all is configured. */
const ownDirectory = '/var/lib/dpkg/lockstep/';

/**
 * $1: repository, $2: the configured commit, $3: the unpacked one, $4: the tree to make; stdin: the paths to be taken from the
 * unpacked one, each with a NUL behind it, an empty one, the status file.
 */
const replace = `
ostree --repo="$1" checkout --require-hardlinks "$2" "$4"
ostree --repo="$1" checkout --require-hardlinks "$3" "$4.unpacked"
perl -e '
  my ($from, $to, $status) = @ARGV;
  local $/ = "\\0";
  while (defined(my $path = <STDIN>)) {
    chomp $path;
    last if $path eq "";
    unlink "$to$path" or die "$to$path: $!\\n";
    link "$from$path", "$to$path" or die "$to$path: $!\\n";
  }
  local $/;
  my $text = <STDIN>;
  unlink "$to$status" or die "$to$status: $!\\n";
  open my $file, ">", "$to$status" or die "$to$status: $!\\n";
  print $file $text;
  close $file or die "$to$status: $!\\n";
  chmod 0644, "$to$status";
  utime 0, 0, "$to$status";
' "$4.unpacked" "$4" ${statusPath}
rm -rf "$4.unpacked"
`;

/**
 * The files that differ from those of the tree that was configured before, as paths with one character for each byte; null
 * where one of them did not stay what it was and where it was.
 */
async function changedPlaces(build: BuildEnvironment, known: Observation, unpacked: string): Promise<string[] | null> {
  const [before, after, now] = await Promise.all(
    [known.tree, known.result, unpacked].map(async (commit) => new Listing(await listTree(build, commit))),
  );
  if (before === undefined || after === undefined || now === undefined || !now.isWhole) return null;
  const files = now.files.filter(({ place }) => !place.startsWith(ownDirectory));
  const changed = files.filter(({ place, checksum }) => before.at(place)?.checksum !== checksum);
  const stayed = changed.every(({ place }) => {
    const [was, is] = [before.at(place), after.at(place)];
    if (was === undefined || is === undefined || was.facts !== is.facts || was.checksum !== is.checksum) return false;
    return before.count(was.checksum) === after.count(was.checksum);
  });
  return stayed ? changed.map(({ place }) => Buffer.from(place).toString('latin1')) : null;
}

/** The files of a commit. */
class Listing {
  readonly files: ListedEntry[];
  /** False where a name has a line break in it. */
  readonly isWhole: boolean;
  readonly #places: Map<string, ListedEntry>;
  readonly #counts = new Map<string, number>();

  constructor(lines: readonly string[]) {
    const entries = lines.filter((line) => line !== '').map(listedEntry);
    this.isWhole = !entries.includes(null);
    this.files = entries.filter((entry) => entry?.facts.startsWith('-') === true) as ListedEntry[];
    this.#places = new Map(this.files.map((entry) => [entry.place, entry]));
    for (const { checksum } of this.files) this.#counts.set(checksum, this.count(checksum) + 1);
  }

  at(place: string): ListedEntry | undefined {
    return this.#places.get(place);
  }

  /** How many files have this content. */
  count(checksum: string): number {
    return this.#counts.get(checksum) ?? 0;
  }
}

/** Keeps what configuring read, where the kernel told it. */
export async function rememberConfigured(
  build: BuildEnvironment,
  key: string,
  { unpacked, configured, plan, root }: { unpacked: string; configured: string; plan: RootPlan; root: string },
): Promise<void> {
  const opened = await openedFiles(build, `${root}.opened`);
  if (opened === null) return;
  const { stdout } = await build.toolbox.run(['cat', `${root}.opened.queries`]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  // Each word with a NUL behind it.
  const asked = patternsAsked(
    lines.map((line) => Buffer.from(line, 'hex').toString('latin1').split('\0').slice(0, -1)),
  );
  // Maintainer scripts are told dpkg's own.
  const notes: Notes = { status: statusOf(plan), asked: ['dpkg', ...asked] };
  await remember(build, 'configure', key, { tree: unpacked, opened, result: configured, notes });
}

function statusOf({ admin }: RootPlan): string {
  return admin.find(({ path }) => path === statusFile)?.content ?? '';
}
