import type { DeviceConfig, ImageConfig } from '../../config/types.ts';
import { eachDevice } from '../../device/each.ts';
import { bringDown, bringUp, type UpResult } from '../../device/virtual/up.ts';
import { LockstepError } from '../../errors/index.ts';
import { resolveRevision } from '../../ostree/revision.ts';
import { type Context, ok, unchanged } from '../verb.ts';
import { chooseDevices, type DevicesAction, type DevicesOptions, onlyVirtual } from './action.ts';

/** `lockstep devices up [NAME…]`: starts virtual devices, and makes the disks of those that have none. */
export const up: DevicesAction = { run: runUp };
/** `lockstep devices down [NAME…]`: stops virtual devices; their disks stay. */
export const down: DevicesAction = { run: runDown };

async function runUp(context: Context, names: string[], options: DevicesOptions) {
  const virtual = onlyVirtual(await chooseDevices(context, names), names);
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const images = new Map((await context.config()).images.map((image) => [image.name, image]));
  const started: UpResult[] = [];
  // One after the other: each boots with all the processors that emulation can use.
  for (const device of virtual) {
    const image = images.get(device.image);
    const commit = () => resolveRevision(toolbox, workspace, options.commit ?? refOf(device, image));
    const { progress, signal } = context;
    const rest = { commit, fresh: options.fresh ?? false };
    started.push(await bringUp(device, { toolbox, workspace, progress, signal, ...rest }));
  }
  const fields = { action: 'up', devices: started };
  const told = started.map(({ name, how, port }) => `${name} ${words[how]}, ssh on 127.0.0.1:${port}`).join('\n');
  if (started.length === 0) return unchanged('there is no virtual device to start', fields);
  return started.every(({ how }) => how === 'up') ? unchanged(told, fields) : ok(told, fields);
}

const words: Record<UpResult['how'], string> = {
  up: 'is up already',
  started: 'is up, from the disk it had',
  created: 'is up, from a new disk',
};

function refOf(device: DeviceConfig, image: ImageConfig | undefined): string {
  if (image !== undefined) return `${image.name}/${image.arch}`;
  throw new LockstepError('E_NO_SUCH_IMAGE', `device ${device.name} wants image ${device.image}, which is not defined`);
}

async function runDown(context: Context, names: string[]) {
  const virtual = onlyVirtual(await chooseDevices(context, names), names);
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const stopped = await eachDevice(virtual, async (device) => {
    return { name: device.name, stopped: await bringDown(device, toolbox, workspace) };
  });
  const fields = { action: 'down', devices: stopped };
  const told = stopped.map((device) => `${device.name} ${device.stopped ? 'stopped' : 'was not running'}`).join('\n');
  if (stopped.length === 0) return unchanged('there is no virtual device to stop', fields);
  return stopped.some((device) => device.stopped) ? ok(told, fields) : unchanged(told, fields);
}
