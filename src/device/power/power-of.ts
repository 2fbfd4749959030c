import type { DeviceConfig } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { virtualPower } from '../virtual/power.ts';
import type { PowerSwitch } from './power.ts';
import { powerByCommands } from './power-commands.ts';

export interface PowerMeans {
  workspace: Workspace;
  /** The directory of lockstep.yml. */
  root: string;
  environment: NodeJS.ProcessEnv;
  /** Asked for only to switch a virtual device. */
  toolbox: () => Promise<Toolbox>;
}

/** The switch of a device. Throws E_POWER_MISSING for a real one without `power:`. */
export function powerOf(device: DeviceConfig, means: PowerMeans): PowerSwitch {
  if (device.virtual) return virtualPower(device, means);
  const { name, power } = device;
  if (power !== undefined) {
    return powerByCommands({ device: name, power, directory: means.root, environment: means.environment });
  }
  throw new LockstepError('E_POWER_MISSING', `device ${name} has no \`power:\` in lockstep.yml`, {
    hint: 'Give it the commands that switch it: `power: {on: …, off: …}`.',
  });
}
