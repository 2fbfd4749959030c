import type { DeviceConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { resolveRevision } from '../ostree/revision.ts';
import type { Context } from './verb.ts';

/**
 * The commit that each device should run, by device name: `revision`, or the ref of the device's image. Throws
 * E_NOT_BUILT when there is none.
 */
export async function wantedCommits(
  context: Context,
  chosen: DeviceConfig[],
  revision?: string,
): Promise<Map<string, string>> {
  const { images } = await context.config();
  const revisions = new Map(
    chosen.map((device) => {
      const image = images.find(({ name }) => name === device.image);
      if (image !== undefined) return [device.name, revision ?? `${image.name}/${image.arch}`];
      throw new LockstepError(
        'E_NO_SUCH_IMAGE',
        `device ${device.name} wants image ${device.image}, which is not defined`,
      );
    }),
  );
  const distinct = [...new Set(revisions.values())];
  if (distinct.length === 0) return new Map();
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const commits = new Map<string, string>();
  for (const each of distinct) commits.set(each, await resolveRevision(toolbox, workspace, each));
  return new Map([...revisions].map(([device, each]) => [device, commits.get(each) ?? '']));
}
