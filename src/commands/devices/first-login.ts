import { realConnection } from '../../device/ssh/connection.ts';
import type { Session } from '../../device/ssh/session.ts';
import { connect } from '../../device/ssh/ssh.ts';
import type { Context } from '../verb.ts';
import type { Address } from './address.ts';
import { confirmedKey } from './confirmed-key.ts';

export interface FirstLogin {
  session: Session;
  /** Fingerprint of the host key that the machine has proved to have. */
  hostKey: string;
}

/**
 * Logs in on a machine that is not in lockstep.yml yet. @param hostKey what the user says its host key is, by fingerprint
 * Throws E_SSH_*.
 */
export async function firstLogin(
  context: Pick<Context, 'environment' | 'ask' | 'signal'>,
  name: string,
  at: Address,
  hostKey: string | undefined,
): Promise<FirstLogin> {
  const asked = { ...at, name, hostKey: hostKey ?? null, identity: null, proxyJump: null };
  const to = await realConnection(asked, context.environment);
  const confirmed = await confirmedKey(context, to);
  return { session: await connect({ ...to, hostKey: confirmed }, context), hostKey: confirmed };
}
