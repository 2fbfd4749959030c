import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { changesBetween } from '../apt/changes/diff.ts';
import { loadLockfile } from '../apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../config/types.ts';
import type { ImageResult } from './result.ts';

/**
 * Keeps the lockfile of an image with the results, and says how its packages differ from those of the run before, whose
 * copy is in `before`. Nothing is said when there is no such copy, or it cannot be read.
 */
export async function keepLockfile(image: ImageConfig, before: string, now: string): Promise<ImageResult['changes']> {
  const name = `${image.name}.lock`;
  await copyFile(image.lockfile, path.join(now, name));
  const old = await loadLockfile(path.join(before, name)).catch(() => null);
  if (old === null) return [];
  return changesBetween(old.packages, (await loadLockfile(image.lockfile)).packages);
}

/** Keeps what an image is made of with the results. @param files absolute paths by format; absent: nothing was written */
export async function keepSboms(files: Record<string, string> | undefined, now: string): Promise<void> {
  for (const file of Object.values(files ?? {})) await copyFile(file, path.join(now, path.basename(file)));
}
