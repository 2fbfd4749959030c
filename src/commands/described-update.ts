import { type Pinned, pinnedOf } from '../apt/changes/pinned.ts';
import { LockstepError } from '../errors/index.ts';
import type { ImageChanges } from '../refresh/message.ts';
import { described, fetcherOf } from './diff/described-images.ts';
import { sidesOf } from './diff/lockfile-sides.ts';
import type { UpdatedImage } from './update/update.ts';
import type { Context } from './verb.ts';

type Updated = Pick<UpdatedImage, 'name' | 'lockfile' | 'changes' | 'changed'>;

/**
 * What an update of the work tree changed since HEAD, with the changelogs; the debs that hold them are imported, as the next build would
 * do. An update that cannot be described is none the worse for it: then the versions must do, and a note says why.
 */
export async function describedUpdate(context: Context, images: readonly Updated[]): Promise<ImageChanges[]> {
  if (!images.some(({ changed }) => changed)) return [...images];
  try {
    return await withChangelogs(context, images);
  } catch (error) {
    if (!(error instanceof LockstepError) || context.signal.aborted) throw error;
    context.progress.note(`the changes are told without changelogs: ${error.message}`);
    return [...images];
  }
}

async function withChangelogs(context: Context, images: readonly Updated[]): Promise<ImageChanges[]> {
  const { images: configured } = await context.config();
  const sides = await sidesOf(context, 'HEAD');
  const told: ImageChanges[] = [];
  for (const updated of images) {
    const side = sides.find(({ name }) => name === updated.name);
    const image = configured.find(({ name }) => name === updated.name);
    if (side === undefined || image === undefined) throw new LockstepError('E_NO_SUCH_IMAGE', updated.name);
    const [before, after] = [side.before.map(pinnedOf), side.after.map(pinnedOf)] as [Pinned[], Pinned[]];
    const fetch = fetcherOf(context, image, [...side.before, ...side.after]);
    told.push({ ...updated, ...(await described({ before, after, repo: side.repo }, fetch)) });
  }
  return told;
}
