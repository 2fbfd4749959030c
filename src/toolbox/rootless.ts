import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { execa } from 'execa';
import { findProgram } from './programs.ts';

/**
 * Makes a command root in a user namespace, where this user is root and the ids that /etc/subuid and /etc/subgid lend him
 * are the others (user_namespaces(7), newuidmap(1)). To be followed by the command.
 */
export const asNamespaceRoot: readonly string[] = ['unshare', '--user', '--map-root-user', '--map-auto', '--'];

/** Ids that an image needs: those of packages and of `nobody`, 65534. */
const neededIds = 65_535;

/** Why this user cannot be root in a namespace of his own, in one line that says what to do; null when he can. */
export async function whyNotRootless(): Promise<string | null> {
  const [program = '', ...args] = asNamespaceRoot;
  const { exitCode, stdout, stderr } = await execa(program, [...args, 'cat', '/proc/self/uid_map'], {
    reject: false,
    timeout: 10_000,
    stdin: 'ignore',
  });
  if (exitCode === 0 && idsOf(stdout) >= neededIds) return null;
  return reasonFor({
    error: stderr.trim().split('\n').at(-1) ?? '',
    hasNewuidmap: (await findProgram('newuidmap')) !== null,
    ranges: await subordinateIds(),
    user: userInfo().username,
  });
}

/** The number of ids of a map (uid_map: the first inside, the first outside, how many). */
function idsOf(map: string): number {
  const counts = map.split('\n').map((line) => Number(line.trim().split(/\s+/)[2] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

export interface RootlessFacts {
  /** What `unshare` said last. */
  error: string;
  hasNewuidmap: boolean;
  /** How many user ids /etc/subuid lends the user. */
  ranges: number;
  user: string;
}

/** The likeliest reason first. */
export function reasonFor({ error, hasNewuidmap, ranges, user }: RootlessFacts): string {
  if (/unrecognized option/.test(error)) return 'unshare is too old for a user namespace (util-linux 2.38 is wanted)';
  if (!hasNewuidmap) return 'a user namespace wants newuidmap (apt-get install uidmap)';
  if (ranges < neededIds) {
    return `a user namespace wants ${neededIds} ids of ${user}, /etc/subuid lends ${ranges} (as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user})`;
  }
  return `this kernel or container gives no user namespace to ${user} (${error})`;
}

async function subordinateIds(): Promise<number> {
  const { username, uid } = userInfo();
  const text = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const mine = text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([who]) => who === username || who === String(uid));
  return mine.reduce((sum, [, , count]) => sum + Number(count), 0);
}
