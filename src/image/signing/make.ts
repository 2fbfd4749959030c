import { access, constants } from 'node:fs/promises';
import { LockstepError } from '../../errors/index.ts';
import { gpgFailure } from './failure.ts';
import { type GpgResult, runGpg } from './gpg.ts';
import { openPrivateHome } from './private-home.ts';
import type { Secret } from './secret.ts';

export interface MakeOptions {
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * A detached binary OpenPGP signature of some bytes. A key file is taken into a home of this run alone, a fingerprint is
 * looked up in the user's own. Throws E_SIGN_KEY, E_SIGN_PASSPHRASE, E_SIGN_EXPIRED, E_SIGN_AGENT, E_SIGN_GPG.
 */
export async function makeSignature(secret: Secret, bytes: Buffer, options: MakeOptions): Promise<Buffer> {
  const { key } = secret;
  if ('fingerprint' in key) return signWith([], secret, key.fingerprint, bytes, options);
  await access(key.file, constants.R_OK).catch((cause: Error) => {
    throw new LockstepError('E_SIGN_KEY', `cannot read signing.key: ${cause.message}`, { hint: keyHint, cause });
  });
  const home = await openPrivateHome(options.environment);
  try {
    const at = ['--homedir', home.path, '--no-options'];
    const imported = await runGpg('gpg', [...at, ...unattended, '--import', key.file], options);
    const fingerprint = onlySecretKey(secret, imported);
    return await signWith(at, secret, fingerprint, bytes, options);
  } finally {
    await home.close();
  }
}

const keyHint = 'signing.key is a fingerprint, or a file written with `gpg --armor --export-secret-keys FINGERPRINT`';

/** A terminal that asks, or output in the user's preferred form, would be in the way. */
const unattended = ['--batch', '--no-tty'];

/** IMPORT_OK has bit 16 set for a secret key. */
function onlySecretKey(secret: Secret, imported: GpgResult): string {
  const found = imported.status.flatMap((line) => {
    const [, flags, fingerprint] = /^IMPORT_OK (\d+) ([0-9A-F]+)/.exec(line) ?? [];
    return fingerprint !== undefined && (Number(flags) & 16) !== 0 ? [fingerprint] : [];
  });
  const [first, ...others] = new Set(found);
  if (first !== undefined && others.length === 0) return first;
  const count = first === undefined ? 'no secret key' : `${1 + others.length} secret keys, and one is wanted`;
  const said = first === undefined ? `:\n${imported.messages.slice(-3).join('\n')}` : '';
  throw new LockstepError('E_SIGN_KEY', `${secret.name}: there is ${count}${said}`, { hint: keyHint });
}

async function signWith(
  home: readonly string[],
  secret: Secret,
  fingerprint: string,
  bytes: Buffer,
  options: MakeOptions,
): Promise<Buffer> {
  await refuseExpired(home, secret, fingerprint, options);
  // Who is asked for the passphrase: nobody, with a key file; the user's agent may ask for those in its care.
  const silent = home.length === 0 ? [] : ['--pinentry-mode', 'error'];
  const loopback = ['--pinentry-mode', 'loopback', '--passphrase-fd', '3'];
  const passphrase = secret.passphrase === null ? silent : loopback;
  const form = ['--no-armor', '--local-user', fingerprint, '--detach-sign'];
  const argv = [...home, ...unattended, ...passphrase, ...form];
  const result = await runGpg('gpg', argv, { ...options, input: bytes, passphrase: secret.passphrase });
  if (result.exitCode !== 0 || result.stdout.length === 0) throw gpgFailure(secret.name, result);
  return result.stdout;
}

/** gpg says of such a key only that it is unusable. Field 2 of its line is its validity (DETAILS of GnuPG). */
async function refuseExpired(
  home: readonly string[],
  secret: Secret,
  fingerprint: string,
  options: MakeOptions,
): Promise<void> {
  const listed = await runGpg(
    'gpg',
    [...home, ...unattended, '--with-colons', '--list-secret-keys', fingerprint],
    options,
  );
  const fields = listed.stdout
    .toString()
    .split('\n')
    .map((line) => line.split(':'));
  const primary = fields.find(([kind]) => kind === 'sec');
  if (primary === undefined) throw gpgFailure(secret.name, listed);
  const state = { e: 'has expired', r: 'is revoked', d: 'is disabled' }[primary[1] ?? ''];
  if (state === undefined) return;
  const end = state === 'has expired' ? ` on ${new Date(Number(primary[6]) * 1000).toISOString().slice(0, 10)}` : '';
  throw new LockstepError('E_SIGN_EXPIRED', `${secret.name} ${state}${end}`, {
    hint: 'extend it with `gpg --quick-set-expire`, then export both keys anew, or sign with another one',
  });
}
