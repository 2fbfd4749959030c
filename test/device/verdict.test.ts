import { expect } from 'chai';
import type { DeviceState } from '../../src/device/observe.ts';
import { judge, type Observations, type Verdict } from '../../src/device/verdict.ts';

const old = '1'.repeat(64);
const wanted = '2'.repeat(64);
const third = '3'.repeat(64);

const healthy = { healthy: true, reasons: [], warnings: [] };

function state(checksum: string, bootId: string, changes: Partial<DeviceState> = {}): DeviceState {
  const booted = { index: 0, booted: true, stateroot: 'lockstep', checksum, serial: 0, note: null, pinned: false };
  const bootedDirectory = `${checksum}.0`;
  const quiet = {
    turn: '0',
    cmdline: [],
    options: [],
    systemState: 'running',
    failedUnits: [],
    onTrial: false,
    machine: 'armv7l',
  };
  const unasked = { trial: null, trialReasons: [], judgesItself: true, health: healthy, transferred: true, clock: 0 };
  return { bootId, booted, deployments: [booted], bootedDirectory, ...quiet, ...unasked, ...changes };
}

const before = state(old, 'boot-1');
const after = (checksum: string, changes: Partial<DeviceState> = {}) => state(checksum, 'boot-2', changes);
const good: Observations = { wanted, before, rebooted: true, after: after(wanted), takenBack: null, stopped: null };
const stopped = (code: NonNullable<Observations['stopped']>['code']) => ({ code, message: `because of ${code}` });

interface Row {
  when: string;
  observed: Observations;
  verdict: Verdict;
  reason?: string;
}

const early: Observations = { wanted, before, rebooted: false, after: null, takenBack: null, stopped: null };
const booted = state(wanted, 'boot-1');
const sick = { healthy: false, reasons: ['health script 10-light failed'], warnings: [] };
const gaveUp = { commit: wanted, previous: `${old}.0`, result: 'given-up', pinned: true };
/** An image without programs to judge its boot. */
const unjudged = { judgesItself: false, health: null };
const second = { ...booted.booted, index: 1 };

const table: Row[] = [
  { when: 'all is as it should be', observed: good, verdict: 'deployed' },
  { when: 'it ran the commit already', observed: { ...early, before: booted }, verdict: 'unchanged' },
  {
    when: 'it ran the commit already, on trial, and was confirmed since',
    observed: { ...early, before: { ...booted, onTrial: true }, after: booted },
    verdict: 'unchanged',
  },
  {
    when: 'it ran the commit already, on trial, and still is',
    observed: { ...early, before: { ...booted, onTrial: true }, after: { ...booted, onTrial: true } },
    verdict: 'unhealthy',
    reason: 'did not confirm',
  },
  {
    when: 'it ran the commit already, on trial, and fell back while that was waited for',
    observed: {
      ...early,
      before: { ...booted, onTrial: true },
      after: after(old, { trial: gaveUp, trialReasons: ['boot 1: panel.service failed'] }),
    },
    verdict: 'rolled-back',
    reason: 'boot 1: panel.service failed',
  },
  {
    when: 'it runs the commit, and its health check failed in this boot',
    observed: { ...early, before: { ...booted, health: sick }, after: { ...booted, health: sick } },
    verdict: 'unhealthy',
    reason: '10-light failed',
  },
  {
    when: 'its boot loader does not count, and lockstep took it back',
    observed: { ...good, after: after(old), takenBack: '10-light failed' },
    verdict: 'rolled-back',
    reason: '10-light failed',
  },
  {
    when: 'its boot loader does not count, and it could not be taken back',
    observed: { ...good, takenBack: '10-light failed', stopped: stopped('E_DEVICE_COMMAND') },
    verdict: 'unhealthy',
    reason: 'because of E_DEVICE_COMMAND',
  },
  {
    when: 'it runs the commit, but would boot another one next',
    observed: { ...good, after: after(wanted, { booted: { ...booted.booted, index: 1 } }) },
    verdict: 'wrong-commit',
    reason: 'its next boot',
  },
  {
    when: 'it ran the commit already, on trial, and still has failed units',
    observed: {
      ...early,
      before: { ...booted, onTrial: true },
      after: { ...booted, health: { ...sick, reasons: ['panel.service failed'] } },
    },
    verdict: 'unhealthy',
    reason: 'panel.service failed',
  },
  {
    when: 'it runs the commit but would boot another one next, and nothing was done about it',
    observed: { ...early, before: { ...booted, booted: second } },
    verdict: 'refused',
  },
  {
    when: 'it did not answer',
    observed: { ...early, before: null, stopped: stopped('E_SSH_UNREACHABLE') },
    verdict: 'unreachable',
    reason: 'because of E_SSH_UNREACHABLE',
  },
  {
    when: 'the virtual device is down',
    observed: { ...early, before: null, stopped: stopped('E_DEVICE_DOWN') },
    verdict: 'unreachable',
  },
  {
    when: 'the connection broke during the transfer',
    observed: { ...early, stopped: stopped('E_SSH_CUT') },
    verdict: 'unreachable',
  },
  {
    when: 'it showed another host key',
    observed: { ...early, before: null, stopped: stopped('E_SSH_HOST_KEY') },
    verdict: 'refused',
    reason: 'because of E_SSH_HOST_KEY',
  },
  {
    when: 'it refused the login',
    observed: { ...early, before: null, stopped: stopped('E_SSH_AUTH') },
    verdict: 'refused',
  },
  {
    when: 'ostree on the device refused the commit',
    observed: { ...early, stopped: stopped('E_DEVICE_COMMAND') },
    verdict: 'refused',
  },
  {
    when: 'it was not seen again after the reboot',
    observed: { ...good, after: null, stopped: stopped('E_SSH_UNREACHABLE') },
    verdict: 'never-returned',
    reason: 'because of E_SSH_UNREACHABLE',
  },
  {
    when: 'it goes on with the same boot, even if of the right commit',
    observed: { ...good, after: state(wanted, 'boot-1') },
    verdict: 'never-rebooted',
  },
  {
    when: 'it came back with the commit it had',
    observed: { ...good, after: after(old) },
    verdict: 'rolled-back',
    reason: old.slice(0, 12),
  },
  {
    when: 'it came back with a commit that nobody asked for',
    observed: { ...good, after: after(third) },
    verdict: 'wrong-commit',
    reason: third.slice(0, 12),
  },
  {
    when: 'the kernel arguments lead to another deployment than status claims',
    observed: { ...good, after: after(wanted, { bootedDirectory: `${old}.0` }) },
    verdict: 'wrong-commit',
    reason: `${old}.0`,
  },
  {
    when: 'the kernel arguments lead to another deployment of the same commit',
    observed: { ...good, after: after(wanted, { bootedDirectory: `${wanted}.1` }) },
    verdict: 'wrong-commit',
  },
  {
    when: 'the kernel arguments lead nowhere',
    observed: { ...good, after: after(wanted, { bootedDirectory: null }) },
    verdict: 'wrong-commit',
  },
  {
    when: 'a unit fails that did not fail before',
    observed: {
      ...good,
      after: after(wanted, { ...unjudged, systemState: 'degraded', failedUnits: ['panel.service'] }),
    },
    verdict: 'unhealthy',
    reason: 'panel.service',
  },
  {
    when: 'only units fail that failed before',
    observed: {
      ...good,
      before: { ...before, systemState: 'degraded', failedUnits: ['panel.service'] },
      after: after(wanted, { ...unjudged, systemState: 'degraded', failedUnits: ['panel.service'] }),
    },
    verdict: 'deployed',
  },
  {
    when: 'systemd is not done starting',
    observed: { ...good, after: after(wanted, { ...unjudged, systemState: 'starting' }) },
    verdict: 'unhealthy',
    reason: 'starting',
  },
  {
    when: 'systemd is in maintenance',
    observed: { ...good, after: after(wanted, { ...unjudged, systemState: 'maintenance' }) },
    verdict: 'unhealthy',
  },
  {
    when: 'the connection broke while it was being proven',
    observed: { ...good, stopped: stopped('E_SSH_CUT') },
    verdict: 'unhealthy',
    reason: 'because of E_SSH_CUT',
  },
];

describe('judge', () => {
  for (const { when, observed, verdict, reason } of table) {
    it(`says ${verdict} when ${when}`, () => {
      const judged = judge(observed);
      expect(judged.verdict).to.equal(verdict);
      if (verdict === 'deployed' || verdict === 'unchanged') expect(judged.reason).to.equal(null);
      else
        expect(judged.reason)
          .to.be.a('string')
          .and.include(reason ?? '');
    });
  }
});
