import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { decodeByteArrays, decodeDictionary, encodeByteArrays, encodeDictionary, type Variant } from './gvariant.ts';

/** The key of detached metadata under which every ostree client looks for OpenPGP signatures of a commit, type `aay`. */
const signaturesKey = 'ostree.gpgsigs';

/** The file of a commit itself, whose bytes are what is signed. */
export function commitFile(repo: string, commit: string): string {
  return path.join(repo, 'objects', commit.slice(0, 2), `${commit.slice(2)}.commit`);
}

/** The file that travels beside a commit and is no part of its checksum: the same in repositories of every mode. */
export function detachedMetadataFile(repo: string, commit: string): string {
  return `${commitFile(repo, commit)}meta`;
}

/** The binary OpenPGP signatures that a commit has. Throws E_REPO when its detached metadata are damaged. */
export async function readSignatures(repo: string, commit: string): Promise<Buffer[]> {
  return signaturesOf(await readMetadata(detachedMetadataFile(repo, commit)));
}

/** Gives a commit these signatures in the place of those it has; what else its detached metadata hold stays. */
export async function writeSignatures(
  toolbox: Toolbox,
  repo: string,
  commit: string,
  signatures: readonly Buffer[],
): Promise<void> {
  const file = detachedMetadataFile(repo, commit);
  const metadata = await readMetadata(file);
  metadata.set(signaturesKey, { type: 'aay', data: encodeByteArrays(signatures) });
  const script = 'cat >"$1.new"; sync "$1.new"; mv "$1.new" "$1"';
  await toolbox.run(['sh', '-euc', script, 'sh', file], { input: encodeDictionary(metadata) });
}

function signaturesOf(metadata: ReadonlyMap<string, Variant>): Buffer[] {
  const found = metadata.get(signaturesKey);
  return found?.type === 'aay' ? decodeByteArrays(found.data) : [];
}

async function readMetadata(file: string): Promise<Map<string, Variant>> {
  try {
    return decodeDictionary(await readFile(file));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw new LockstepError('E_REPO', `cannot read the detached metadata ${file}: ${(cause as Error).message}`, {
      hint: 'they hold signatures only: delete the file, and the next build signs the commit anew',
      cause,
    });
  }
}
