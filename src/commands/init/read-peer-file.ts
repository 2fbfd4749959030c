import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { LockstepError } from '../../errors/index.ts';
import { including, isTrue, type MultistrapFile, parseMultistrap } from '../../peers/multistrap-file.ts';

/** Longer than any list of packages. */
const sizeLimit = 1024 * 1024;

/** A file of another tool; `-` is the standard input. Throws E_USAGE when it cannot be read or is none of text. */
export async function readPeerFile(file: string): Promise<string> {
  const text = file === '-' ? await textOf(process.stdin) : await readWhole(file);
  if (!text.includes('\0')) return text;
  throw new LockstepError('E_USAGE', `${file} is no text`);
}

async function readWhole(file: string): Promise<string> {
  try {
    const handle = await open(file);
    const { size } = await handle.stat().finally(() => handle.close());
    if (size > sizeLimit) throw new Error(`it is larger than ${sizeLimit} bytes`);
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LockstepError('E_USAGE', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** A multistrap configuration with those that it includes, as deep as anybody would. Throws E_USAGE. */
export async function readMultistrap(file: string, depth = 0): Promise<MultistrapFile> {
  const read = parseMultistrap(await readPeerFile(file), path.basename(file));
  const include = read.sections
    .find(({ name }) => name === 'general')
    ?.settings.findLast(({ key }) => key === 'include');
  if (include === undefined || include.value === '' || isTrue(include.value)) return read;
  if (depth >= 8) throw new LockstepError('E_USAGE', `${include.place}: files include each other`);
  return including(await readMultistrap(path.resolve(path.dirname(file), include.value), depth + 1), read);
}
