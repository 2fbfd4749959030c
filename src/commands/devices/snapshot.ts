import type { VirtualDevice } from '../../config/types.ts';
import { restoreSnapshot } from '../../device/virtual/restore.ts';
import { takeSnapshot } from '../../device/virtual/snapshot.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Context, ok } from '../verb.ts';
import { chooseDevices, type DevicesAction } from './action.ts';

/** The tag of a snapshot that is given none. */
const usualTag = 'kept';

/** `lockstep devices snapshot NAME [TAG]` */
export const snapshot: DevicesAction = {
  async run(context, args) {
    const { device, tag } = await oneOf(context, 'snapshot', args);
    const means = { toolbox: await context.toolbox(), workspace: await context.workspace() };
    const { memory, commit } = await takeSnapshot(device, tag, means);
    const told = memory === null ? 'its disk' : 'its disk and its memory';
    const fields = { name: device.name, tag, running: memory !== null, commit };
    return ok(`${device.name}: ${told} kept as ${tag}`, { action: 'snapshot', devices: [fields] });
  },
};

/** `lockstep devices restore NAME [TAG]` */
export const restore: DevicesAction = {
  async run(context, args) {
    const { device, tag } = await oneOf(context, 'restore', args);
    const { progress, signal } = context;
    const means = { toolbox: await context.toolbox(), workspace: await context.workspace(), progress, signal };
    const { port, commit } = await restoreSnapshot(device, tag, means);
    const told = port === null ? 'off, as it was then' : `goes on, ssh on 127.0.0.1:${port}`;
    const fields = { name: device.name, tag, running: port !== null, port, commit };
    return ok(`${device.name} is what it was at ${tag}: ${told}`, { action: 'restore', devices: [fields] });
  },
};

/** One device: each has tags of its own. */
async function oneOf(
  context: Context,
  action: string,
  [name, tag = usualTag, ...more]: string[],
): Promise<{ device: VirtualDevice; tag: string }> {
  if (name === undefined || more.length > 0) {
    throw new LockstepError('E_USAGE', `devices ${action}: it is \`devices ${action} NAME [TAG]\``);
  }
  const [device] = await chooseDevices(context, [name]);
  if (device?.virtual) return { device, tag };
  throw new LockstepError('E_USAGE', `device ${name} is real: lockstep can keep and restore virtual ones only`);
}
