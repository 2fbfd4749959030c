import { LockstepError } from '../../errors/index.ts';
import type { ExecResult } from './exec.ts';

/** The line of a sudoers file that lockstep needs for a user. */
export function sudoersLine(user: string): string {
  return `${user} ALL=(root) NOPASSWD: ALL`;
}

// What sudo says of itself begins with its name; a command's own words do not.
const reasons: [RegExp, string][] = [
  [/sudo: (command )?not found|sudo: No such file/, 'there is no sudo on it'],
  [/^sudo: .*a password is required/m, 'sudo asks for a password'],
  [/^sudo: .*must have a tty/m, 'sudo wants a terminal (`requiretty`)'],
  [/is not in the sudoers file/, 'sudo does not know the user'],
  [/is not allowed to execute/, 'sudo does not allow the user this command'],
  [/^sudo: /m, 'sudo refuses'],
];

/** What is wrong when a command failed because sudo did not run it; null when it was the command that failed. */
export function sudoFailure(device: string, user: string, { exitCode, stderr }: ExecResult): LockstepError | null {
  if (exitCode === 0) return null;
  const reason = reasons.find(([pattern]) => pattern.test(stderr))?.[1];
  if (reason === undefined) return null;
  const said = stderr.trim().split('\n').slice(-3).join('; ');
  return new LockstepError('E_DEVICE_PREPARE', `device ${device}: ${user} cannot become root: ${reason}: ${said}`, {
    hint: `Install sudo there, and put \`${sudoersLine(user)}\` into /etc/sudoers.d/lockstep; or log in as root.`,
  });
}
