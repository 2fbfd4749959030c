import path from 'node:path';
import type { Stage } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { runApt } from '../root/apt-run.ts';
import { updateFailure, updateIsPartial } from '../root/failure.ts';
import type { PrivateRoot } from '../root/private-root.ts';

export interface UpdateOptions {
  /** Roots whose indexes lie in the same directory, and are fetched with the root's own. */
  sharing?: readonly PrivateRoot[];
  stage?: Stage;
}

/**
 * Fetches the indexes of a private root's suites anew, their signatures checked by apt. Throws E_APT_*, E_INTERRUPTED.
 * @param images names of those that it is for, for errors
 */
export async function updateIndexes(
  toolbox: Toolbox,
  root: PrivateRoot,
  images: string,
  { sharing = [], stage }: UpdateOptions = {},
): Promise<void> {
  const sourcelist = path.join(root.dir, sharing.length === 0 ? 'image.sources' : 'shared.sources');
  const all = [root, ...sharing].map(({ dir }) => path.join(dir, 'image.sources'));
  const before = path.join(root.dir, 'before');
  const ready = ['sh', '-euc', makeReady, 'sh', root.lists, before, sourcelist, ...all];
  await runApt(toolbox, root, ready, { timeoutMs: 60_000 });
  // apt would read all indexes into its cache; who solves does that, and only where something has changed.
  const options = ['-o', `Dir::Etc::sourcelist=${sourcelist}`, '-o', 'pkgCacheFile::Generate=false'];
  const argv = ['apt-get', '-q', ...options, 'update'];
  const { exitCode, output } = await runApt(toolbox, root, argv, {
    timeoutMs: 10 * 60_000,
    onLine: (line) => {
      const suite = /^Get:\d+ \S+ (.*?) \[/.exec(line)?.[1];
      if (suite !== undefined) stage?.advance({ detail: suite });
    },
  });
  // Lists of the last time must never pass for today's.
  if (exitCode !== 0 || updateIsPartial(output)) throw updateFailure(images, output);
  const dirs = [root, ...sharing].map(({ dir }) => dir);
  const settled = ['sh', '-euc', keepCaches, 'sh', root.lists, before, ...dirs];
  await runApt(toolbox, root, settled, { timeoutMs: 60_000 });
}

/**
 * apt passes silently over a suite that is older than the one that it has, and a server over one that is older than what
 * it is asked for: two machines would see two archives, and nobody a rollback. So what apt has is made to look old; the
 * indexes that its digests name are still not fetched again.
 */
const makeReady = `
lists=$1 before=$2 sourcelist=$3
shift 3
rm -rf "$before"
mkdir "$before"
for file in "$lists"/*Release; do
  [ -e "$file" ] || continue
  cp -p "$file" "$before"
  sed -i 's/^Date: .*/Date: Fri, 01 Jan 1960 00:00:00 UTC/' "$file"
  touch -d '1960-01-01 UTC' "$file"
done
[ $# -eq 1 ] || for file; do cat "$file"; echo; done > "$sourcelist"
`;

/**
 * What apt fetched anew, but is as it was, has its old time, so that apt's cache of the indexes is still good. Where anything
 * differs the caches go: apt tells by the second whether they are older than what they were made from.
 */
const keepCaches = `
lists=$1 before=$2
shift 2
same=yes
for file in "$lists"/*Release; do
  old=$before/\${file##*/}
  if cmp -s "$old" "$file"; then touch -r "$old" "$file"; else same=no; fi
done
[ $same = yes ] || for dir; do rm -f "$dir"/cache/*.bin; done
`;
