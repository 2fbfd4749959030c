import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** Makes `dir/objects` one that this user may write to. What somebody else left there, a cache, is taken away through the toolbox. */
export async function ensureOwnDirectory(toolbox: Toolbox, dir: string): Promise<void> {
  const objects = path.join(dir, 'objects');
  const mine = async () => {
    await mkdir(objects, { recursive: true });
    await access(objects, constants.W_OK);
  };
  try {
    await mine();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    await toolbox.run(['rm', '-rf', dir]);
    await mine();
  }
}
