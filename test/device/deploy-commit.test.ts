import { expect } from 'chai';
import { beforeTrial, olderThanBooted } from '../../src/device/deploy-commit.ts';
import type { DeviceState } from '../../src/device/observe.ts';

/** Deployments in boot order: `*` is booted, `other/` another stateroot. */
function device(order: string[], trial: DeviceState['trial'] = null): DeviceState {
  const deployments = order.map((word, index) => {
    const [stateroot, name] = word.includes('/') ? word.split('/') : ['lockstep', word];
    const checksum = name!.replace('*', '').repeat(64);
    return { index, booted: word.includes('*'), stateroot: stateroot!, checksum, serial: 0, note: null, pinned: false };
  });
  return { deployments, booted: deployments.find(({ booted }) => booted)!, trial } as DeviceState;
}

const checksum = (name: string) => name.repeat(64);

describe('the older deployment', () => {
  it('is the one after the booted one in the boot order', () => {
    expect(olderThanBooted(device(['*b', 'a', '9']))?.checksum).to.equal(checksum('a'));
    expect(olderThanBooted(device(['c', '*b', 'a']))?.checksum).to.equal(checksum('a'));
  });

  it('is none of another stateroot', () => {
    expect(olderThanBooted(device(['*b', 'other/f', 'a']))?.checksum).to.equal(checksum('a'));
    expect(olderThanBooted(device(['*b', 'other/f']))).to.equal(null);
  });

  it('does not exist when the booted one is the last', () => {
    expect(olderThanBooted(device(['c', '*b']))).to.equal(null);
  });
});

describe('the deployment before a trial', () => {
  const trial = (commit: string, previous: string) => ({
    commit: checksum(commit),
    previous: `${checksum(previous)}.0`,
    result: null,
    pinned: true,
  });

  it('is the one that the device has written down', () => {
    expect(beforeTrial(device(['*c', 'b', 'a'], trial('c', 'a')))?.checksum).to.equal(checksum('a'));
  });

  it('is the next one when that is gone, or another trial was written down', () => {
    expect(beforeTrial(device(['*c', 'b'], trial('c', 'a')))?.checksum).to.equal(checksum('b'));
    expect(beforeTrial(device(['*c', 'b', 'a'], trial('d', 'a')))?.checksum).to.equal(checksum('b'));
  });
});
