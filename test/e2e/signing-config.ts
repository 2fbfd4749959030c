import type { SigningConfig } from '../../src/config/types.ts';
import type { MadeKey } from '../image/gpg-keys.ts';

/** A project's `signing:` with the files of a key. */
export const configOf = (of: MadeKey, given: Partial<SigningConfig> = {}): SigningConfig => ({
  key: of.secretFile,
  publicKey: of.publicFile,
  passphraseFile: null,
  passphraseEnv: null,
  remote: null,
  ...given,
});
