import { copyFile } from 'node:fs/promises';
import { execa } from 'execa';
import type { Outcome } from '../../src/commands/verb.ts';
import { agent } from './lockstep.ts';
import { temporaryDirectory } from './projects.ts';

/** A user of one command alone: in a mount namespace in which the machine's lists of users have one more. */
const asGuest = `
uid=54321 lists=$1 subordinate=$2
shift 2
for list in passwd group subuid subgid; do
  cp "/etc/$list" "$lists/$list" 2>/dev/null || : >"$lists/$list"
  [ -e "/etc/$list" ] || : >"/etc/$list"
done
echo "guest:x:$uid:$uid::$lists:/bin/sh" >>"$lists/passwd"
echo "guest:x:$uid:" >>"$lists/group"
for list in subuid subgid; do echo "guest:700000:$subordinate" >>"$lists/$list"; done
for list in passwd group subuid subgid; do mount --bind "$lists/$list" "/etc/$list"; done
mkdir -p "$lists/tmp"
chown $uid:$uid "$lists/tmp"
cd /
exec setpriv --reuid $uid --regid $uid --clear-groups env HOME=/nonexistent TMPDIR="$lists/tmp" "$@"
`;

export interface Guest {
  lockstep(
    dir: string,
    args: readonly string[],
    within?: readonly string[],
  ): Promise<{ outcome: Outcome; log: string }>;
  run(argv: readonly string[]): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
}

/** Makes a guest's command root in a user namespace, as the host toolbox does. */
export const asRootWithin = ['unshare', '--user', '--map-root-user', '--map-auto', '--'];

/** The same, in a namespace that allows no further ones: what a kernel without them, or an engine that forbids them, does. */
export const withoutNamespaces = [
  ...asRootWithin,
  ...['sh', '-euc', 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', 'sh'],
];

/** A user without rights, whom /etc/subuid lends that many ids. */
export async function openGuest(subordinateIds: number): Promise<Guest> {
  const lists = await temporaryDirectory('guest');
  await execa('chmod', ['755', lists]);
  // The guest need not be able to read where the tests and Node.js are.
  await copyFile(agent, `${lists}/agent.mjs`);
  await copyFile(process.execPath, `${lists}/node`);
  await execa('chmod', ['755', `${lists}/agent.mjs`, `${lists}/node`]);
  const run = async (argv: readonly string[]) => {
    const isolated = ['--mount', '--propagation', 'private', '--', 'sh', '-euc', asGuest, 'guest', lists];
    const { exitCode, stdout, stderr } = await execa('unshare', [...isolated, String(subordinateIds), ...argv], {
      reject: false,
      stdin: 'ignore',
      timeout: 10 * 60_000,
    });
    return { exitCode, stdout, stderr };
  };
  const lockstep = async (dir: string, args: readonly string[], within: readonly string[] = []) => {
    await execa('chown', ['54321:54321', dir]);
    const command = [`${lists}/node`, `${lists}/agent.mjs`, ...args, '-C', dir, '--json'];
    const { stdout, stderr } = await run([...within, ...command]);
    return { outcome: JSON.parse(stdout || 'null') as Outcome, log: stderr };
  };
  return { run, lockstep };
}
