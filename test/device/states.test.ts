import { expect } from 'chai';
import type { DeviceState } from '../../src/device/observe.ts';
import { includes, type State, stateOf, states } from '../../src/device/states.ts';

const old = '1'.repeat(64);
const wanted = '2'.repeat(64);
const entry = { stateroot: 'lockstep', serial: 0, note: null, pinned: false };
const healthy = { healthy: true, reasons: [], warnings: [] };

/** A device with these deployments in boot order; the booted one is marked by a star. */
function device(order: string[], changes: Partial<DeviceState> = {}): DeviceState {
  const deployments = order.map((name, index) => ({
    ...entry,
    index,
    booted: name.startsWith('*'),
    checksum: name.replace('*', ''),
  }));
  const booted = deployments.find((each) => each.booted)!;
  const quiet = {
    turn: '0',
    cmdline: [],
    options: [],
    failedUnits: [],
    trialReasons: [],
    systemState: 'running',
    trial: null,
  };
  const usual = { onTrial: false, judgesItself: true, health: healthy, transferred: true, clock: 0, machine: 'armv7l' };
  const bootedDirectory = `${booted.checksum}.0`;
  return { bootId: 'boot-1', deployments, booted, bootedDirectory, ...quiet, ...usual, ...changes };
}

const table: [when: string, state: State, seen: DeviceState][] = [
  ['it has nothing of the commit, or only a part', 'reachable', device([`*${old}`], { transferred: false })],
  ['the commit was pushed', 'transferred', device([`*${old}`])],
  ['it was deployed and not booted', 'deployed', device([wanted, `*${old}`])],
  ['it was deployed, on trial, and not booted', 'deployed', device([wanted, `*${old}`], { onTrial: true })],
  ['the commit is an older deployment', 'transferred', device([`*${old}`, wanted])],
  ['it runs, but another is first in the boot order', 'transferred', device([old, `*${wanted}`])],
  ['it runs, but an equal one is first in the boot order', 'deployed', device([wanted, `*${wanted}`])],
  [
    'its kernel was started for another deployment',
    'rebooted',
    device([`*${wanted}`], { bootedDirectory: `${old}.0` }),
  ],
  ['it runs and is on trial', 'proven', device([`*${wanted}`, old], { onTrial: true })],
  ['it runs, and was not judged yet', 'proven', device([`*${wanted}`], { health: null })],
  ['it runs, and was found unhealthy', 'proven', device([`*${wanted}`], { health: { ...healthy, healthy: false } })],
  ['it runs and is healthy', 'healthy', device([`*${wanted}`, old])],
  ['it runs, its objects being nobody’s concern', 'healthy', device([`*${wanted}`], { transferred: false })],
  [
    'it runs an image that cannot judge itself',
    'healthy',
    device([`*${wanted}`], { health: null, judgesItself: false }),
  ],
];

describe('stateOf', () => {
  for (const [when, state, seen] of table) {
    it(`is ${state} when ${when}`, () => {
      expect(stateOf(seen, wanted)).to.equal(state);
    });
  }
});

describe('a state', () => {
  it('includes itself and those before it', () => {
    expect(states.filter((state) => includes('deployed', state))).to.deep.equal([
      'reachable',
      'transferred',
      'deployed',
    ]);
  });
});
