import { readFile } from 'node:fs/promises';

/** The bytes of a file; null where there is none. Throws whatever else keeps it from being read. */
export function bytesIfThere(file: string): Promise<Buffer | null> {
  return readFile(file).catch(nullIfMissing);
}

/** As {@link bytesIfThere}, of UTF-8. */
export function textIfThere(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(nullIfMissing);
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
