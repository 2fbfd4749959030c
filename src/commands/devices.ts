import Table from 'cli-table3';
import type { Command } from 'commander';
import type { DeviceConfig, ImageConfig, VirtualDevice } from '../config/types.ts';
import { checkDevice, type Finding } from '../device/check.ts';
import { eachDevice } from '../device/each.ts';
import { type ListedDevice, lookAt } from '../device/list.ts';
import { bringDown, bringUp, type UpResult } from '../device/virtual/up.ts';
import { LockstepError } from '../errors/index.ts';
import { resolveRevision } from '../ostree/archive.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';

interface DevicesOptions {
  fresh?: boolean;
  commit?: string;
}

const actions = ['list', 'check', 'up', 'down'];

/** `lockstep devices list|check|up|down [NAME…]`; without names, the devices of `--device` or `--label`, or all. */
export const devices: Verb<DevicesOptions> = {
  name: 'devices',
  summary: 'list devices, check what they lack, start and stop virtual ones',

  declare(command: Command) {
    command
      .argument('[action]', actions.join(', '), 'list')
      .argument('[names...]', 'devices; all by default')
      .option('--fresh', 'up: make the disk anew')
      .option('--commit <rev>', 'up: commit or ref for a new disk; the image’s own by default');
  },

  async run(context, options, [action = 'list', ...names]) {
    const chosen = await chooseDevices(context, names);
    switch (action) {
      case 'list':
        return list(context, chosen);
      case 'check':
        return check(context, chosen);
      case 'up':
        return up(context, chosen, names, options);
      case 'down':
        return down(context, chosen, names);
      default:
        throw new LockstepError('E_USAGE', `devices: unknown action ${action}; it is one of ${actions.join(', ')}`);
    }
  },

  print(outcome) {
    const found = outcome.devices as ListedDevice[] | CheckedDevice[];
    if (outcome.action === 'list') return listTable(found as ListedDevice[]);
    if (outcome.action === 'check') return `${checkTable(found as CheckedDevice[])}\n${outcome.message}`;
    return outcome.message;
  },
};

async function chooseDevices(context: Context, names: string[]): Promise<DeviceConfig[]> {
  if (names.length === 0) return context.devices();
  const { devices: known, file } = await context.config();
  return names.map((name) => {
    const device = known.find((each) => each.name === name);
    if (device !== undefined) return device;
    const hint = known.length === 0 ? 'It defines none.' : `It defines ${known.map((each) => each.name).join(', ')}.`;
    throw new LockstepError('E_NO_SUCH_DEVICE', `${file} defines no device ${name}`, { hint });
  });
}

/** The virtual ones; a real one that was named is a mistake, one that `all` took in is not. */
function onlyVirtual(chosen: DeviceConfig[], names: string[]): VirtualDevice[] {
  for (const device of chosen) {
    if (device.virtual || !names.includes(device.name)) continue;
    throw new LockstepError('E_USAGE', `device ${device.name} is real: lockstep can neither start nor stop it`);
  }
  return chosen.filter((device) => device.virtual);
}

async function list(context: Context, chosen: DeviceConfig[]): Promise<Outcome> {
  const workspace = await context.workspace();
  const look = { workspace, signal: context.signal, toolbox: () => context.toolbox() };
  const found = await eachDevice(chosen, (device) => lookAt(device, look));
  return ok(`${found.length} device${found.length === 1 ? '' : 's'}`, { action: 'list', devices: found });
}

interface CheckedDevice {
  name: string;
  ready: boolean;
  findings: Finding[];
}

async function check(context: Context, chosen: DeviceConfig[]): Promise<Outcome> {
  const workspace = await context.workspace();
  const found = await eachDevice(chosen, async (device): Promise<CheckedDevice> => {
    const findings = await checkDevice(device, workspace, context.signal);
    return { name: device.name, ready: findings.every(({ state }) => state !== 'lacks'), findings };
  });
  const fields = { action: 'check', devices: found };
  const lacking = found.filter(({ ready }) => !ready).map(({ name }) => name);
  if (lacking.length === 0) return ok('every device is ready for deployments', fields);
  const message = `not ready for deployments: ${lacking.join(', ')}`;
  const hint = 'Mend what the list shows as lacking.';
  return { outcome: 'failed', code: 'E_DEVICE_PREPARE', message, hint, ...fields };
}

async function up(context: Context, chosen: DeviceConfig[], names: string[], options: DevicesOptions) {
  const virtual = onlyVirtual(chosen, names);
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

async function down(context: Context, chosen: DeviceConfig[], names: string[]) {
  const virtual = onlyVirtual(chosen, names);
  const [toolbox, workspace] = [await context.toolbox(), await context.workspace()];
  const stopped = await eachDevice(virtual, async (device) => {
    return { name: device.name, stopped: await bringDown(device, toolbox, workspace) };
  });
  const fields = { action: 'down', devices: stopped };
  const told = stopped.map((device) => `${device.name} ${device.stopped ? 'stopped' : 'was not running'}`).join('\n');
  if (stopped.length === 0) return unchanged('there is no virtual device to stop', fields);
  return stopped.some((device) => device.stopped) ? ok(told, fields) : unchanged(told, fields);
}

function listTable(found: ListedDevice[]): string {
  const table = new Table({ head: ['device', 'kind', 'state', 'address', 'commit'], style: { head: [], border: [] } });
  for (const { name, kind, state, address, commit } of found) {
    table.push([name, kind, state, address ?? '', commit?.slice(0, 12) ?? '']);
  }
  return table.toString();
}

function checkTable(found: CheckedDevice[]): string {
  const table = new Table({ head: ['device', '', 'what', 'detail'], style: { head: [], border: [] }, wordWrap: true });
  for (const { name, findings } of found) {
    for (const { what, state, detail } of findings) table.push([name, state, what, detail]);
  }
  return table.toString();
}
