import { expect } from 'chai';
import { runOutcome } from '../../src/commands/run-outcome.ts';
import { catalogue } from '../../src/errors/index.ts';
import { notTested } from '../../src/report/draft.ts';
import { device, older, result } from '../report/sample.ts';

const { images } = result();
const passed = device().tests.slice(0, 1);
const rolledBack = device({
  name: 'bench-1',
  deployment: { ...device().deployment!, verdict: 'rolled-back', reason: 'its kernel panicked', commit: older },
  tests: [],
});
const lost = device({ name: 'bench-2', failure: { code: 'E_SSH_CUT', message: 'device bench-2 was lost' } });

describe('the outcome of a run', () => {
  it('is ok when every device runs its commit and every test passed', () => {
    const outcome = runOutcome({ images, devices: [device({ tests: passed })] });
    expect(outcome).to.deep.include({ outcome: 'ok', code: null, message: 'panel 8f3a2c11 on 1 device: 1 passed' });
    expect(outcome.devices).to.deep.equal([
      {
        ...{ name: 'virt-1', tests: 1, failed: 0, skipped: 0, flaky: 0 },
        ...{ verdict: 'deployed', commit: images[0]!.commit, bytesSent: 1_234_567, ms: 98_000, reason: null },
      },
    ]);
  });

  it('is unstable, exit 3, when a test failed', () => {
    const outcome = runOutcome({ images, devices: [device()] });
    expect(outcome).to.include({ outcome: 'unstable', code: 'E_TESTS_FAILED' });
    expect(catalogue[outcome.code!].exit).to.equal(3);
    expect(outcome.message.split('\n')).to.deep.equal([
      'panel 8f3a2c11 on 1 device: 1 passed, 1 failed, 1 skipped',
      'virt-1: 30-net: exit code 4: no route',
    ]);
  });

  it('is failed, exit 1, when a device does not run its commit, whatever tests failed elsewhere', () => {
    const outcome = runOutcome({ images, devices: [device(), notTested(rolledBack, ['10-uname'])] });
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(catalogue[outcome.code!].exit).to.equal(1);
    expect(outcome.message).to.match(/bench-1 rolled-back\nbench-1: rolled-back: its kernel panicked$/);
  });

  it('is failed, exit 1, when a device was lost, whatever tests failed', () => {
    const outcome = runOutcome({ images, devices: [device(), lost] });
    expect(outcome).to.include({ outcome: 'failed', code: 'E_SSH_CUT' });
    expect(catalogue[outcome.code!].exit).to.equal(1);
  });
});

describe('a device that does not run what should be tested', () => {
  it('has every test as an error, never as a pass', () => {
    expect(notTested(rolledBack, ['a', 'b']).tests.map(({ status, message }) => [status, message])).to.deep.equal([
      ['error', 'not run: the device is rolled-back'],
      ['error', 'not run: the device is rolled-back'],
    ]);
    expect(notTested(device(), ['a'])).to.deep.equal(device());
  });
});
