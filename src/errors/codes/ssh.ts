import type { ErrorEntry } from '../entry.ts';

/** The way to a device. */
export const sshCodes = {
  E_SSH_HOST_KEY: {
    exit: 1,
    meaning:
      'The device showed another host key than the one that is pinned or in known_hosts, or one that is revoked: it was reinstalled, or it is another machine.',
    remedy: 'Find out which; only then correct `hostKey:`, or the line of known_hosts.',
  },
  E_SSH_HOST_KEY_UNKNOWN: {
    exit: 1,
    meaning:
      'Nobody has said yet which host key the device has: lockstep.yml pins none, and known_hosts has none of it.',
    remedy:
      'Read the fingerprint on the device itself, and write it into lockstep.yml as `hostKey:`; `lockstep devices adopt` does it.',
  },
  E_SSH_CONFIG: {
    exit: 2,
    meaning: 'The OpenSSH client’s configuration says how the device is reached, and cannot be used.',
    remedy: '`ssh -G HOST` tells what ssh objects to; `proxyJump:` needs the OpenSSH client on this machine.',
  },
  E_SSH_UNREACHABLE: {
    exit: 1,
    meaning: 'The device does not answer.',
    remedy: 'Check power, network, and `host:` and `port:` of the device.',
  },
  E_SSH_AUTH: {
    exit: 1,
    meaning: 'The device refused every key that was offered.',
    remedy: 'Put a public key into the device’s authorized_keys, or name another with `identity:`.',
  },
  E_SSH_CUT: {
    exit: 1,
    meaning: 'The connection to the device broke.',
    remedy: 'Run it again: what arrived on the device is kept.',
  },
} satisfies Record<string, ErrorEntry>;
