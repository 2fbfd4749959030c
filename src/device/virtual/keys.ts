import { chmod, readFile, writeFile } from 'node:fs/promises';
import { fingerprintOf } from '../ssh/fingerprint.ts';
import { newKeyPair } from '../ssh/key-pair.ts';

/** A key pair in the files `path` (private, mode 0600, OpenSSH's format) and `path.pub`. */
export interface KeyPair {
  path: string;
  /** `SHA256:…` */
  fingerprint: string;
}

/** The ed25519 key pair at `path`, made when it is not there. */
export async function ensureKeyPair(path: string, comment: string): Promise<KeyPair> {
  const kept = await readFile(`${path}.pub`, 'utf8').catch(() => null);
  if (kept !== null) return { path, fingerprint: fingerprintOfLine(kept) };
  const pair = newKeyPair(comment);
  await writeFile(path, pair.private, { mode: 0o600 });
  // An older file keeps its mode when it is written to.
  await chmod(path, 0o600);
  // Last: the public half says that the pair is whole.
  await writeFile(`${path}.pub`, `${pair.public.trim()}\n`);
  return { path, fingerprint: fingerprintOfLine(pair.public) };
}

/** Fingerprint of an OpenSSH public key line: type, base64, comment. */
export function fingerprintOfLine(line: string): string {
  return fingerprintOf(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}
