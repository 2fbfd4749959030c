import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type GpgOptions, runGpg } from './gpg.ts';
import type { PublicKey } from './public-key.ts';

/** `unknown`: made by a key that is not among the public ones. `bad`: by one of them, but not valid, or no signature at all. */
export type Judgement = { kind: 'valid'; fingerprints: string[] } | { kind: 'unknown' } | { kind: 'bad' };

/**
 * Judges signatures of some bytes by the keys of a file alone, as a device would: a key that has expired counts as bad.
 * `fingerprints` are those of the
 * key that signed and of its primary key.
 */
export async function verify(
  publicKey: PublicKey,
  signed: Buffer,
  signatures: readonly Buffer[],
  options: GpgOptions,
): Promise<Judgement[]> {
  if (signatures.length === 0) return [];
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-verify-'));
  try {
    const keyring = path.join(dir, 'keys.gpg');
    await writeFile(keyring, publicKey.packets);
    const judge = async (signature: Buffer, index: number) => {
      const file = path.join(dir, `${index}.sig`);
      await writeFile(file, signature);
      const { status } = await runGpg('gpgv', ['--homedir', dir, '--keyring', keyring, file, '-'], {
        ...options,
        input: signed,
      });
      return judgementOf(status);
    };
    return await Promise.all(signatures.map(judge));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function judgementOf(status: readonly string[]): Judgement {
  const fields = (keyword: string) => status.find((line) => line.startsWith(`${keyword} `))?.split(' ');
  const valid = fields('VALIDSIG');
  if (valid !== undefined && fields('GOODSIG') !== undefined) {
    return { kind: 'valid', fingerprints: [valid[1] ?? '', valid.at(-1) ?? ''] };
  }
  return { kind: fields('NO_PUBKEY') === undefined ? 'bad' : 'unknown' };
}
