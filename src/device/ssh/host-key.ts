import { LockstepError } from '../../errors/index.ts';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';
import type { KnownKey } from './known-hosts.ts';

/** What is known of the host key that a device must show: the pin of lockstep.yml, else lines of known_hosts. */
export interface Trust {
  /** `SHA256:…`; null: not pinned. */
  pinned: string | null;
  known: readonly KnownKey[];
  /** Files that were looked in, for messages. */
  files: readonly string[];
}

/** Whether a key is the device's. Nothing is ever taken for granted: a key that nobody knows is not it. */
export function isTrusted(shown: Buffer, { pinned, known }: Trust): boolean {
  if (pinned !== null) return fingerprintOf(shown) === pinned;
  const same = known.filter(({ key }) => key.equals(shown));
  return same.some(({ marker }) => marker === null) && !same.some(({ marker }) => marker === 'revoked');
}

/** Why a key was not taken. `at` names device and address. */
export function hostKeyError(at: string, shown: Buffer, trust: Trust): LockstepError {
  const key = `the ${keyTypeOf(shown)} host key ${fingerprintOf(shown)}`;
  if (trust.pinned !== null) {
    return new LockstepError('E_SSH_HOST_KEY', `${at} shows ${key}, pinned is ${trust.pinned}`, {
      hint: 'Find out whether it was reinstalled or is another machine; only then correct `hostKey:`, to this kind of key.',
    });
  }
  const revoked = trust.known.find((line) => line.marker === 'revoked' && line.key.equals(shown));
  if (revoked !== undefined) {
    return new LockstepError('E_SSH_HOST_KEY', `${at} shows ${key}, which ${revoked.place} revokes`, {
      hint: 'Whoever revoked it held it for stolen: make it a new host key before anything else.',
    });
  }
  const plain = trust.known.filter(({ marker }) => marker === null);
  if (plain.length > 0) {
    const others = plain.map((line) => `${line.type} ${fingerprintOf(line.key)} (${line.place})`).join(', ');
    return new LockstepError('E_SSH_HOST_KEY', `${at} shows ${key}, known is ${others}`, {
      hint: 'Find out whether it was reinstalled or is another machine; only then correct the line named.',
    });
  }
  return unknown(at, key, shown, trust);
}

function unknown(at: string, key: string, shown: Buffer, { known, files }: Trust): LockstepError {
  const authority = known.find(({ marker }) => marker === 'cert-authority');
  const where = files.length === 0 ? 'no known_hosts file was read' : `not in ${files.join(', ')}`;
  const why =
    authority === undefined
      ? `nothing vouches for it: no \`hostKey:\`, and ${where}`
      : `${authority.place} names a certificate authority for it, and lockstep takes keys alone, no certificates`;
  return new LockstepError('E_SSH_HOST_KEY_UNKNOWN', `${at} shows ${key}; ${why}`, {
    hint:
      'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the device itself (or the file of ' +
      `that other kind of key); when it is the same, write \`hostKey: "${fingerprintOf(shown)}"\` into lockstep.yml.`,
  });
}

const usual = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];
const rsa = ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'];

/**
 * The kinds of host key to ask for, best first: those that are known of the device before the others, as it shows the
 * first that it has, and another than the known one would look like an exchanged key.
 */
export function hostKeyAlgorithms({ pinned, known }: Trust): string[] {
  const types = pinned === null ? known.filter(({ marker }) => marker === null).map(({ type }) => type) : [];
  const ordered = [...usual.filter((type) => types.includes(type)), ...usual.filter((type) => !types.includes(type))];
  return ordered.flatMap((type) => (type === 'ssh-rsa' ? rsa : [type]));
}
