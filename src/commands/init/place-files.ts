import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../../errors/index.ts';

/** A file to be: its path, and its content or a file on the same file system that has it. */
export interface NewFile {
  file: string;
  content: string | { from: string };
}

/**
 * Puts files in their places, each whole or not at all, and without `force` none over one that is there. When one cannot be put,
 * those before it are taken back. Throws E_USAGE.
 */
export async function placeFiles(files: readonly NewFile[], { force }: { force: boolean }): Promise<void> {
  const placed: string[] = [];
  try {
    for (const { file, content } of files) {
      await placeFile(file, content, force);
      placed.push(file);
    }
  } catch (error) {
    if (!force) await Promise.all(placed.map((file) => rm(file, { force: true })));
    throw error;
  }
}

async function placeFile(file: string, content: NewFile['content'], force: boolean): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  const source = typeof content === 'string' ? temporary : content.from;
  try {
    if (typeof content === 'string') await writeFile(temporary, content, { flush: true });
    // A link fails where a file is, also one that came in the meantime; a rename takes its place.
    if (force) await rename(source, file);
    else await link(source, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw existing(file, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** E_USAGE for a file that is there already. */
export function existing(file: string, cause?: unknown): LockstepError {
  const hint = 'move it away first, or let it be overwritten with --force';
  return new LockstepError('E_USAGE', `${file} exists already`, { hint, cause });
}
