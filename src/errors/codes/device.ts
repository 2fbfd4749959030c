import type { ErrorEntry } from '../entry.ts';

/** Devices, deployments to them and tests on them. */
export const deviceCodes = {
  E_DEVICE_PREPARE: {
    exit: 1,
    meaning: 'The device lacks something that a deployment needs.',
    remedy: 'Mend what the message names.',
  },
  E_PUSH_STALLED: {
    exit: 1,
    meaning:
      'A transfer to a device came to a standstill: for a long time not a byte moved. A slow one is left to go on.',
    remedy:
      'Look at the network, and at the load and the disk of the device. Push again: what arrived is not sent again.',
  },
  E_DEVICE_COMMAND: {
    exit: 1,
    meaning: 'A command on the device failed.',
    remedy: 'Read its last lines in the message.',
  },
  E_DEVICE_DOWN: {
    exit: 1,
    meaning: 'The virtual device is not running.',
    remedy: 'Start it with `lockstep devices up NAME`.',
  },
  E_DEVICE_LOCKED: {
    exit: 1,
    meaning: 'Another deployment to the same device is going on; the message says whose, and for how long.',
    remedy: 'Wait for it with `--wait-lock 10m`. The lock goes with the connection of its owner.',
  },
  E_DEVICE_BOOT: {
    exit: 1,
    meaning: 'The virtual device did not come up in time.',
    remedy: 'Read its console in `.lockstep/devices/NAME/console.log`.',
  },
  E_POWER: {
    exit: 1,
    meaning: 'The power of a device could not be switched: its command failed or did not end in time.',
    remedy: 'Read the command’s last lines in the message; `lockstep devices power cycle NAME` tries it.',
  },
  E_POWER_MISSING: {
    exit: 2,
    meaning: 'lockstep.yml does not say how the power of the device is switched.',
    remedy: 'Give the device `power: {on: …, off: …}` or `power: {cycle: …}`.',
  },
  E_NO_SUCH_SNAPSHOT: {
    exit: 1,
    meaning: 'The virtual device has no whole snapshot of this name.',
    remedy: 'Take one with `lockstep devices snapshot NAME TAG`, or name another.',
  },
  E_DEPLOY: {
    exit: 1,
    meaning: 'At least one device does not run the commit that was deployed; its verdict says how it ended.',
    remedy: 'Read the verdict, the journal and the console in `.lockstep/run/devices/NAME/`.',
  },
  E_TESTS_FAILED: {
    exit: 3,
    meaning: 'Tests failed on a device.',
    remedy: 'Read the report in `.lockstep/run/`.',
  },
  E_RESULT: {
    exit: 2,
    meaning: 'There are no results of a run, or they cannot be read.',
    remedy: 'Run `lockstep run` or `lockstep test`; each writes its results anew.',
  },
} satisfies Record<string, ErrorEntry>;
