import { open } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Gone, NotServed, type Part } from './request-part.ts';

/** The path that an address names when it is one of this machine: a file: URL or an absolute path; else null. */
export function localPath(address: string): string | null {
  if (path.isAbsolute(address)) return address;
  return address.startsWith('file:') ? fileURLToPath(address) : null;
}

/** A file's bytes from `offset` on. Throws Gone when it is not there, NotServed when it cannot be read. */
export async function openFile(file: string, offset: number): Promise<Part> {
  try {
    const handle = await open(file);
    if ((await handle.stat()).isFile()) {
      return { bytes: handle.createReadStream({ start: offset }), validator: null, bounded: true };
    }
    await handle.close();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' ? new Gone(`there is no ${file}`) : new NotServed(message, { cause: error });
  }
  throw new NotServed(`${file} is not a file`);
}
