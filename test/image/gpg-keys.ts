import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const homes: string[] = [];

after(async () => {
  for (const home of homes) {
    await execa('gpgconf', ['--homedir', home, '--kill', 'all']);
    await rm(home, { recursive: true, force: true });
  }
});

export interface MadeKey {
  fingerprint: string;
  /** A GNUPGHOME that has the key. */
  home: string;
  /** Armored exports. */
  secretFile: string;
  publicFile: string;
  /** A directory with the public key, as `ostree show --gpg-homedir` wants it. */
  trusted: string;
}

export interface KeyWishes {
  passphrase?: string;
  algorithm?: 'ed25519' | 'rsa2048';
  /** Made and expired years ago. */
  expired?: boolean;
}

/** An OpenPGP key of the real gpg. Short paths: a socket lies in the home. */
export async function makeKey({
  passphrase = '',
  algorithm = 'ed25519',
  expired = false,
}: KeyWishes = {}): Promise<MadeKey> {
  const home = await mkdtemp('/tmp/lockstep-key-');
  homes.push(home);
  const secrets = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', passphrase];
  const gpg = (...args: string[]) => execa('gpg', ['--homedir', home, '--quiet', ...secrets, ...args]);
  const past = expired ? ['--faked-system-time', '20200101T000000'] : [];
  await gpg(...past, '--quick-generate-key', 'Test <test@localhost>', algorithm, 'sign', expired ? '1d' : 'never');
  const { stdout } = await gpg('--with-colons', '--list-keys');
  const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(stdout)?.[1] ?? '';
  const [secretFile, publicFile] = [path.join(home, 'secret.asc'), path.join(home, 'public.asc')];
  await gpg('--armor', '--output', secretFile, '--export-secret-keys', fingerprint);
  await gpg('--armor', '--output', publicFile, '--export', fingerprint);
  const trusted = path.join(home, 'trusted');
  await mkdir(trusted, { mode: 0o700 });
  await gpg('--output', path.join(trusted, 'key.gpg'), '--export', fingerprint);
  return { fingerprint, home, secretFile, publicFile, trusted };
}

/** A GNUPGHOME without keys. */
export async function emptyHome(): Promise<string> {
  const home = await mkdtemp('/tmp/lockstep-key-');
  homes.push(home);
  await mkdir(home, { recursive: true, mode: 0o700 });
  return home;
}
