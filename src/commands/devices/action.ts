import type { DeviceConfig, VirtualDevice } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Context, Outcome } from '../verb.ts';

/** The flags of all actions of `lockstep devices`. */
export interface DevicesOptions {
  fresh?: boolean;
  commit?: string;
  fix?: boolean;
  hostKey?: string;
  as?: string;
}

/** One of the things that `lockstep devices` does; its name is the key in the table of them. */
export interface DevicesAction {
  run(context: Context, args: string[], options: DevicesOptions): Promise<Outcome>;
  /** The outcome as text; the default is its message. */
  print?(outcome: Outcome): string;
}

/** The devices of these names; without names, those of `--device` or `--label`, or all. */
export async function chooseDevices(context: Context, names: string[]): Promise<DeviceConfig[]> {
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
export function onlyVirtual(chosen: DeviceConfig[], names: string[]): VirtualDevice[] {
  for (const device of chosen) {
    if (device.virtual || !names.includes(device.name)) continue;
    const hint = 'Where its power can be switched: `lockstep devices power on|off|cycle NAME`.';
    throw new LockstepError('E_USAGE', `device ${device.name} is real: lockstep can neither start nor stop it`, {
      hint,
    });
  }
  return chosen.filter((device) => device.virtual);
}
