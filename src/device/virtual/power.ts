import type { VirtualDevice } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { PowerSwitch } from '../power/power.ts';
import { deviceFiles } from './files.ts';
import { machineName, machineSpec } from './machine.ts';
import { readState } from './state.ts';

export interface VirtualPowerMeans {
  workspace: Workspace;
  toolbox: () => Promise<Toolbox>;
}

/** The switch of a virtual device: off ends its machine at once, on starts one from its disk, on the port that it had. */
export function virtualPower(device: VirtualDevice, means: VirtualPowerMeans): PowerSwitch {
  const files = deviceFiles(means.workspace, device.name);
  const name = machineName(files, device.name);
  const off = async () => (await means.toolbox()).stopDaemon(name, { kill: true });
  const on = async () => {
    const toolbox = await means.toolbox();
    if (await toolbox.daemonRunning(name)) return;
    const state = await readState(files);
    if (state === null || state.port === null) {
      throw new LockstepError('E_DEVICE_DOWN', `virtual device ${device.name} was never started`, {
        hint: `Start it with \`lockstep devices up ${device.name}\`.`,
      });
    }
    await toolbox.startDaemon(machineSpec(name, files, device.memory, state.port));
  };
  return {
    async turn(action) {
      const start = performance.now();
      if (action !== 'on') await off();
      if (action !== 'off') await on();
      return { action, output: '', ms: Math.round(performance.now() - start) };
    },
  };
}
