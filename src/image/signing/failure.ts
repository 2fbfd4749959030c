import { type ErrorCode, LockstepError } from '../../errors/index.ts';
import type { GpgResult } from './gpg.ts';

/** The lower half of a GnuPG error number is what went wrong, whoever it happened to (libgpg-error, err-codes.h). */
const meanings: Readonly<Record<number, Meaning>> = {
  11: {
    code: 'E_SIGN_PASSPHRASE',
    text: 'the passphrase is wrong',
    hint: 'correct what passphraseFile or passphraseEnv names',
  },
  17: { code: 'E_SIGN_KEY', text: 'there is no secret key for it' },
  54: { code: 'E_SIGN_KEY', text: 'it cannot sign' },
  62: { code: 'E_SIGN_PASSPHRASE', text: 'nobody entered the passphrase in time' },
  77: { code: 'E_SIGN_AGENT', text: 'gpg-agent does not answer' },
  85: { code: 'E_SIGN_PASSPHRASE', text: 'it has a passphrase, and there is nobody to ask for it' },
  86: { code: 'E_SIGN_PASSPHRASE', text: 'asking for its passphrase failed' },
  99: { code: 'E_SIGN_PASSPHRASE', text: 'the question for its passphrase was dismissed' },
  177: { code: 'E_SIGN_PASSPHRASE', text: 'it has a passphrase, and none was given' },
};

interface Meaning {
  code: ErrorCode;
  text: string;
  hint?: string;
}

const hints: Partial<Record<ErrorCode, string>> = {
  E_SIGN_PASSPHRASE: 'name the passphrase with passphraseFile or passphraseEnv, or load the key into gpg-agent',
  E_SIGN_AGENT: 'start it with `gpg-connect-agent /bye`, or forward its socket to this machine',
  E_SIGN_KEY: '`gpg --list-secret-keys` shows the keys of this user',
};

/** The error for a gpg that could not use a key. */
export function gpgFailure(key: string, { status, messages }: GpgResult): LockstepError {
  const meaning = meanings[errorNumber(status)] ?? fromMessages(messages);
  const last = messages.slice(-4).join('\n');
  if (meaning === undefined) return new LockstepError('E_SIGN_GPG', `gpg cannot sign with ${key}:\n${last}`);
  const message = `cannot sign with ${key}: ${meaning.text}\n${last}`;
  return new LockstepError(meaning.code, message, { hint: meaning.hint ?? hints[meaning.code] });
}

function errorNumber(status: readonly string[]): number {
  const failure = status.map((line) => /^FAILURE \S+ (\d+)/.exec(line)?.[1]).findLast((found) => found !== undefined);
  return Number(failure ?? 0) & 0xffff;
}

/** Where gpg gives no number: a listing of keys says it in words alone. */
function fromMessages(messages: readonly string[]): Meaning | undefined {
  const said = messages.join('\n');
  if (/No agent running|can't connect to the agent/i.test(said)) return meanings[77];
  return /No secret key|no valid OpenPGP data/i.test(said) ? meanings[17] : undefined;
}
