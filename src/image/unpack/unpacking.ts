import { type LockedDeb, nameOf as titleOfDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { dataRef } from '../import/import-deb.ts';
import type { BuildEnvironment } from '../stage.ts';
import { readControlFiles } from './admin-directory.ts';
import { type ControlFiles, nameOf } from './control-files.ts';
import { type PathKind, type Settlement, settle } from './file-rules.ts';
import { refuseUnfit, refuseUnruly } from './package-rules.ts';
import { type SharedPath, sharedPaths } from './shared-paths.ts';
import { type UnpackPlan, unpackPlan } from './unpack-plan.ts';

/** What is to be done to unpack an image's debs. */
export interface Unpacking {
  plan: UnpackPlan;
  settlement: Settlement;
  /** The deb of each package. */
  debs: ReadonlyMap<ControlFiles, LockedDeb>;
}

/**
 * Reads the control files of the imported debs, refuses what dpkg would refuse, and plans the rest. Throws
 * E_PACKAGE_CONFLICT, E_PACKAGE_ARCHITECTURE, E_DEPENDS_UNMET, E_FILE_CONFLICT.
 */
export async function planUnpacking(
  build: BuildEnvironment,
  debs: readonly LockedDeb[],
  architecture: string,
): Promise<Unpacking> {
  refuseUnfit(debs, architecture);
  const packages = await readControlFiles(build, debs);
  refuseUnruly(packages);
  return settleAndPlan(build, packages, debs);
}

/** The rules for files alone, and the plan. Throws E_FILE_CONFLICT. */
export async function settleAndPlan(
  build: BuildEnvironment,
  packages: readonly ControlFiles[],
  debs: readonly LockedDeb[],
): Promise<Unpacking> {
  const byName = new Map(debs.map((deb) => [deb.package, deb]));
  const debOf = new Map(packages.map((entry) => [entry, byName.get(nameOf(entry))!]));
  const { disputed, directories } = sharedPaths(packages);
  const kinds = await kindsOf(build, disputed, debOf);
  const settlement = settle(
    disputed,
    ({ entry }, path) => kinds.get(entry)?.get(path) ?? { kind: 'directory' },
    (path) => directories.has(path),
  );
  return { plan: unpackPlan(packages, settlement.after), settlement, debs: debOf };
}

type Kinds = Map<ControlFiles, Map<string, PathKind>>;

/** stdin: a ref and a path in turn, each with a NUL behind it, in the order of refs. One `ostree ls` for each ref. */
const list = `
repo=$1
flush() {
  if [ \${#paths[@]} -gt 0 ]; then
    echo "ref $ref"
    ostree --repo="$repo" ls -d "$ref" "\${paths[@]}"
  fi
  paths=()
}
ref='' paths=()
while IFS= read -r -d '' next && IFS= read -r -d '' path; do
  if [ "$next" != "$ref" ]; then flush; fi
  ref=$next
  paths+=("$path")
done
flush
`;

/** Asks the repository what the packages have at the paths below which they have nothing. */
async function kindsOf(
  { toolbox, repo }: BuildEnvironment,
  shared: readonly SharedPath[],
  debs: ReadonlyMap<ControlFiles, LockedDeb>,
): Promise<Kinds> {
  const asked = new Map<ControlFiles, string[]>();
  for (const { path, claims } of shared) {
    for (const { entry, isParent } of claims) {
      if (!isParent) asked.set(entry, [...(asked.get(entry) ?? []), path]);
    }
  }
  if (asked.size === 0) return new Map();
  const input = [...asked].map(([entry, paths]) =>
    paths.map((path) => `${dataRef(debs.get(entry)!)}\0${path}\0`).join(''),
  );
  const { stdout } = await toolbox.run(['bash', '-euc', list, 'bash', repo], {
    input: Buffer.from(input.join(''), 'latin1'),
  });
  const answers = stdout.split(/^ref .*\n/m).slice(1);
  return new Map(
    [...asked].map(([entry, paths], index) => [entry, kindsIn(answers[index] ?? '', paths, debs.get(entry)!)]),
  );
}

/** Lines of `ostree ls`, one for each path in its order: `l00777 0 0 0 /usr/share/doc/a -> b`. */
function kindsIn(answer: string, paths: readonly string[], deb: LockedDeb): Map<string, PathKind> {
  const lines = answer.split('\n').filter((line) => line !== '');
  if (lines.length !== paths.length) {
    throw new LockstepError('E_REPO', `the files of ${titleOfDeb(deb)} in the repository are not those of its list`, {
      hint: `delete the refs dpkg/data/${deb.sha256} and dpkg/control/${deb.sha256}: the next build imports it anew`,
    });
  }
  return new Map(paths.map((path, index) => [path, kindIn(lines[index] ?? '')]));
}

function kindIn(line: string): PathKind {
  if (line.startsWith('d')) return { kind: 'directory' };
  if (!line.startsWith('l')) return { kind: 'other' };
  return { kind: 'symlink', target: Buffer.from(/ -> (.*)$/.exec(line)?.[1] ?? '', 'utf8').toString('latin1') };
}
