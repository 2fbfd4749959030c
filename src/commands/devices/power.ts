import { eachDevice } from '../../device/each.ts';
import { type PowerAction, powerActions, type Switched } from '../../device/power/power.ts';
import { powerOf } from '../../device/power/power-of.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Context, ok } from '../verb.ts';
import { chooseDevices, type DevicesAction } from './action.ts';

/** `lockstep devices power on|off|cycle NAME…`; the names are asked for, as nobody means to switch off all of them. */
export const power: DevicesAction = {
  async run(context, [wanted, ...names]) {
    const action = powerActions.find((each) => each === wanted);
    if (action === undefined || names.length === 0) {
      throw new LockstepError('E_USAGE', `devices power: it is \`devices power ${powerActions.join('|')} NAME…\``);
    }
    const chosen = await chooseDevices(context, names);
    const means = await powerMeans(context);
    const switches = chosen.map((device) => ({ name: device.name, by: powerOf(device, means) }));
    const switched = await eachDevice(switches, async ({ name, by }) => {
      return { name, ...(await by.turn(action, context.signal)) };
    });
    const told = switched.map(describe).join('\n');
    return ok(told, { action: 'power', devices: switched });
  },
};

/** What the switches of a project's devices need. */
export async function powerMeans(context: Context) {
  const [workspace, { root }] = [await context.workspace(), await context.config()];
  return { workspace, root, environment: context.environment, toolbox: () => context.toolbox() };
}

const words: Record<PowerAction, string> = { on: 'switched on', off: 'switched off', cycle: 'switched off and on' };

function describe({ name, action, output }: Switched & { name: string }): string {
  const said = output === '' ? '' : `:\n${output.replace(/^/gm, '  ')}`;
  return `${name} ${words[action]}${said}`;
}
