import type { DeviceConfig, VirtualDevice } from '../config/types.ts';
import { bringDown, bringUp } from '../device/virtual/up.ts';
import { LockstepError } from '../errors/index.ts';
import { resolveRevision } from '../ostree/revision.ts';
import type { Context } from './verb.ts';

export interface BroughtUp {
  /** Those that were down before. */
  started: VirtualDevice[];
  /** Why a device is not up, by name. */
  failed: Map<string, LockstepError>;
}

/** Brings the virtual ones among these devices up. One that does not come up is told, the others go on. */
export async function bringUpVirtual(context: Context, devices: readonly DeviceConfig[]): Promise<BroughtUp> {
  const result: BroughtUp = { started: [], failed: new Map() };
  // One after the other: each boots with all the processors that emulation can use.
  for (const device of devices) {
    if (!device.virtual) continue;
    try {
      if ((await upOne(context, device)) !== 'up') result.started.push(device);
    } catch (error) {
      const known = error instanceof LockstepError && error.code !== 'E_INTERRUPTED' && !context.signal.aborted;
      if (!known) {
        await takeDown(context, result.started);
        throw error;
      }
      result.failed.set(device.name, error);
    }
  }
  return result;
}

/** Stops what was started here. What cannot be stopped is told and does not hide how the run ended. */
export async function takeDown(context: Context, devices: readonly VirtualDevice[]): Promise<void> {
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  for (const device of devices) {
    await bringDown(device, toolbox, workspace).catch((error) => {
      context.progress.note(`virtual device ${device.name} could not be stopped: ${(error as Error).message}`);
    });
  }
}

async function upOne(context: Context, device: VirtualDevice): Promise<'up' | 'started' | 'created'> {
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const image = (await context.config()).images.find(({ name }) => name === device.image);
  if (image === undefined) {
    const message = `device ${device.name} wants image ${device.image}, which is not defined`;
    throw new LockstepError('E_NO_SUCH_IMAGE', message);
  }
  const commit = () => resolveRevision(toolbox, workspace, `${image.name}/${image.arch}`);
  const { progress, signal } = context;
  const up = await bringUp(device, { toolbox, workspace, progress, signal, commit, fresh: false });
  return up.how;
}
