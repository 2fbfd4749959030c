import Table from 'cli-table3';
import { checkDevice } from '../../device/check/check.ts';
import type { Finding } from '../../device/check/finding.ts';
import { eachDevice } from '../../device/each.ts';
import { ok } from '../verb.ts';
import { chooseDevices, type DevicesAction } from './action.ts';

interface CheckedDevice {
  name: string;
  ready: boolean;
  findings: Finding[];
}

/** `lockstep devices check [NAME…]`: what each lacks for deployments; fails when one lacks something. */
export const check: DevicesAction = {
  async run(context, names, { fix }) {
    const chosen = await chooseDevices(context, names);
    const [workspace, { images }] = [await context.workspace(), await context.config()];
    const { signal, environment } = context;
    const found = await eachDevice(chosen, async (device): Promise<CheckedDevice> => {
      const arch = images.find(({ name }) => name === device.image)?.arch ?? null;
      const findings = await checkDevice(device, { workspace, signal, environment, arch, fix });
      return { name: device.name, ready: findings.every(({ state }) => state !== 'lacks'), findings };
    });
    const fields = { action: 'check', devices: found };
    const lacking = found.filter(({ ready }) => !ready).map(({ name }) => name);
    if (lacking.length === 0) return ok('every device is ready for deployments', fields);
    const message = `not ready for deployments: ${lacking.join(', ')}`;
    const hint = fix
      ? 'What could be mended is: the rest is for you.'
      : '`--fix` mends some of what the list shows as lacking.';
    return { outcome: 'failed', code: 'E_DEVICE_PREPARE', message, hint, ...fields };
  },

  print: (outcome) => `${checkTable(outcome.devices as CheckedDevice[])}\n${outcome.message}`,
};

function checkTable(found: CheckedDevice[]): string {
  const table = new Table({ head: ['device', '', 'what', 'detail'], style: { head: [], border: [] }, wordWrap: true });
  for (const { name, findings } of found) {
    for (const { what, state, detail } of findings) table.push([name, state, what, detail]);
  }
  return table.toString();
}
