import Table from 'cli-table3';
import { eachDevice } from '../../device/each.ts';
import { type ListedDevice, lookAt } from '../../device/list.ts';
import { ok } from '../verb.ts';
import { chooseDevices, type DevicesAction } from './action.ts';

/** `lockstep devices list [NAME…]`: what is known of each within a few seconds. */
export const list: DevicesAction = {
  async run(context, names) {
    const chosen = await chooseDevices(context, names);
    const workspace = await context.workspace();
    const look = { workspace, signal: context.signal, toolbox: () => context.toolbox() };
    const found = await eachDevice(chosen, (device) => lookAt(device, look));
    return ok(`${found.length} device${found.length === 1 ? '' : 's'}`, { action: 'list', devices: found });
  },

  print: (outcome) => listTable(outcome.devices as ListedDevice[]),
};

function listTable(found: ListedDevice[]): string {
  const table = new Table({ head: ['device', 'kind', 'state', 'address', 'commit'], style: { head: [], border: [] } });
  for (const { name, kind, state, address, commit } of found) {
    table.push([name, kind, state, address ?? '', commit?.slice(0, 12) ?? '']);
  }
  return table.toString();
}
