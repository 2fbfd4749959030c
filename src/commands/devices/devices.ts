import type { Command } from 'commander';
import { LockstepError } from '../../errors/index.ts';
import type { Verb } from '../verb.ts';
import type { DevicesAction, DevicesOptions } from './action.ts';
import { adopt } from './adopt.ts';
import { check } from './check.ts';
import { list } from './list.ts';
import { power } from './power.ts';
import { restore, snapshot } from './snapshot.ts';
import { down, up } from './up.ts';

const actions: Record<string, DevicesAction> = { list, check, adopt, up, down, power, snapshot, restore };

/** `lockstep devices ACTION [NAME…]`; without names, the devices of `--device` or `--label`, or all. */
export const devices: Verb<DevicesOptions> = {
  name: 'devices',
  summary: 'list devices, check what they lack, switch their power, start and stop virtual ones',

  declare(command: Command) {
    command
      .argument('[action]', Object.keys(actions).join(', '), 'list')
      .argument(
        '[names...]',
        'devices; all by default. `power`: on, off or cycle before them; `adopt`: user@host; `snapshot`, `restore`: a name and a tag',
      )
      .option('--fix', 'check: mend what can be mended, and say it')
      .option('--host-key <fingerprint>', 'adopt: the host key that it has')
      .option('--as <name>', 'adopt: name of the device; by default that of the host')
      .option('--fresh', 'up: make the disk anew')
      .option('--commit <rev>', 'up: commit or ref for a new disk; the image’s own by default');
  },

  async run(context, options, [name = 'list', ...args]) {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action !== undefined) return action.run(context, args, options);
    throw new LockstepError(
      'E_USAGE',
      `devices: unknown action ${name}; it is one of ${Object.keys(actions).join(', ')}`,
    );
  },

  print(outcome) {
    return actions[String(outcome.action)]?.print?.(outcome) ?? outcome.message;
  },
};
