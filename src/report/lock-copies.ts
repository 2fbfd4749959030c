import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { changesBetween } from '../apt/diff.ts';
import { loadLockfile } from '../apt/lockfile.ts';
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
