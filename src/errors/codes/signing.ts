import type { ErrorEntry } from '../entry.ts';

/** Signatures of commits, and the keys that make and prove them. */
export const signingCodes = {
  E_SIGN_KEY: {
    exit: 2,
    meaning: 'The key that `signing:` names is not there, or is not of the kind that it should be.',
    remedy:
      '`signing.key` is a fingerprint of the user’s keyring or a file with one secret key, `signing.publicKey` a file with the public one.',
  },
  E_SIGN_PASSPHRASE: {
    exit: 1,
    meaning: 'The passphrase of the signing key is wrong or missing.',
    remedy: 'Name it with `signing.passphraseFile` or `signing.passphraseEnv`, or load the key into gpg-agent.',
  },
  E_SIGN_EXPIRED: {
    exit: 1,
    meaning: 'The signing key has expired, is revoked or disabled: devices would refuse what it signs.',
    remedy: 'Extend it and export both keys anew, or sign with another key that the devices know.',
  },
  E_SIGN_AGENT: {
    exit: 1,
    meaning: 'The signing key is in gpg-agent’s care, and gpg-agent does not answer.',
    remedy: 'Start the agent, forward its socket to this machine, or name a key file.',
  },
  E_SIGN_GPG: {
    exit: 1,
    meaning: 'gpg or gpgv is not on this machine, or failed for a reason that lockstep does not know.',
    remedy: 'Install the package that the message names, read gpg’s last lines, or build with `--no-sign`.',
  },
  E_SIGN_VERIFY: {
    exit: 1,
    meaning:
      'A signature was made, but the public key of `signing.publicKey` does not prove it: devices would refuse it.',
    remedy: 'Export the public key that belongs to `signing.key` into that file.',
  },
  E_SIGN_REFUSED: {
    exit: 1,
    meaning: 'The image that a device runs demands signatures, and the commit has none that it accepts.',
    remedy: 'Sign with a key that the image on the device carries; build without `--no-sign`.',
  },
} satisfies Record<string, ErrorEntry>;
