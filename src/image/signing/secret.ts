import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fingerprintForm, type SigningConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';

/** Where the secret key is to be had for one run. */
export interface Secret {
  /** A key in the user's keyring, or a file with an exported secret key. */
  key: { fingerprint: string } | { file: string };
  /** null: gpg-agent knows it, or asks for it. */
  passphrase: string | null;
  /** What messages call the key. */
  name: string;
}

/**
 * Looks up what `signing:` names: variables of the environment, the passphrase's file. Throws E_SIGN_KEY for a variable that
 * is not set, E_SIGN_PASSPHRASE when there is no passphrase where there should be one.
 */
export async function readSecret(config: SigningConfig, root: string, environment: NodeJS.ProcessEnv): Promise<Secret> {
  const key = expanded(config.key, 'key', environment, 'E_SIGN_KEY');
  const passphrase = await passphraseOf(config, root, environment);
  if (fingerprintForm.test(key)) return { key: { fingerprint: key.toUpperCase() }, passphrase, name: `key ${key}` };
  const file = path.resolve(root, key);
  return { key: { file }, passphrase, name: `the key in ${file}` };
}

async function passphraseOf(
  { passphraseFile, passphraseEnv }: SigningConfig,
  root: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (passphraseEnv !== null) return expanded(`$${passphraseEnv}`, 'passphraseEnv', environment, 'E_SIGN_PASSPHRASE');
  if (passphraseFile === null) return null;
  const file = path.resolve(root, expanded(passphraseFile, 'passphraseFile', environment, 'E_SIGN_PASSPHRASE'));
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LockstepError('E_SIGN_PASSPHRASE', `cannot read signing.passphraseFile ${file}: ${cause.message}`, {
      cause,
    });
  });
  // What gpg itself reads of such a file.
  return text.split(/\r?\n/, 1)[0] ?? '';
}

function expanded(
  value: string,
  setting: string,
  environment: NodeJS.ProcessEnv,
  code: 'E_SIGN_KEY' | 'E_SIGN_PASSPHRASE',
): string {
  if (!value.startsWith('$')) return value;
  const found = environment[value.slice(1)];
  if (found !== undefined && found !== '') return found;
  throw new LockstepError(code, `signing.${setting} names the variable ${value.slice(1)}, which is not set`, {
    hint: 'set it (on Jenkins: withCredentials), or build with --no-sign',
  });
}
