import type { Connection } from '../../device/ssh/connection.ts';
import { fingerprintOf, keyTypeOf } from '../../device/ssh/fingerprint.ts';
import { hostKeyError, isTrusted } from '../../device/ssh/host-key.ts';
import { shownHostKey } from '../../device/ssh/shown-key.ts';
import { trustOf } from '../../device/trust.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Context } from '../verb.ts';

/**
 * Fingerprint of the key that the machine shows, once known_hosts or somebody at a terminal has said that it is the machine's.
 * Throws E_SSH_HOST_KEY, E_SSH_HOST_KEY_UNKNOWN, E_SSH_UNREACHABLE.
 */
export async function confirmedKey(
  context: Pick<Context, 'environment' | 'ask' | 'signal'>,
  to: Connection,
): Promise<string> {
  const shown = await shownHostKey(to, context);
  const fingerprint = fingerprintOf(shown);
  const trust = await trustOf(to, context.environment);
  if (isTrusted(shown, trust)) return fingerprint;
  const at = `${to.host}:${to.port}`;
  const error = hostKeyError(at, shown, trust);
  if (error.code !== 'E_SSH_HOST_KEY_UNKNOWN') throw error;
  const question = `${at} shows the ${keyTypeOf(shown)} host key\n  ${fingerprint}\nIs that what \`ssh-keygen -lf\` prints on the device itself? [yes/no] `;
  const answer = await context.ask?.(question);
  if (answer?.trim() === 'yes') return fingerprint;
  throw new LockstepError('E_SSH_HOST_KEY_UNKNOWN', error.message, {
    hint:
      'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the device itself; when it is the ' +
      `same: --host-key ${fingerprint}`,
  });
}
