import { expect } from 'chai';
import { kargChanges } from '../../src/device/kargs.ts';

describe('kernel arguments of a deployment', () => {
  const present = [
    'root=LABEL=root',
    'rw',
    'console=ttyAMA0',
    'quiet',
    'ostree=/ostree/boot.1/x/0',
    'lockstep.fallback',
    'lockstep.boot=4',
  ];

  it('stay as they are when both images want the same', () => {
    expect(kargChanges(present, ['quiet'], ['quiet'])).to.deep.equal([]);
    expect(kargChanges(present, [], [])).to.deep.equal([]);
  });

  it('are added and taken away as the images differ', () => {
    expect(kargChanges(present, ['quiet'], ['splash', 'console=tty0'])).to.deep.equal([
      '--karg-delete=quiet',
      '--karg-append=splash',
      '--karg-append=console=tty0',
    ]);
  });

  it('are not added twice when the device has them already', () => {
    expect(kargChanges(present, [], ['quiet', 'rw', 'loglevel=3'])).to.deep.equal(['--karg-append=loglevel=3']);
  });

  it('are not taken away when somebody did so on the device', () => {
    expect(kargChanges(present, ['debug'], [])).to.deep.equal([]);
  });

  it('of the device alone stay', () => {
    expect(kargChanges(present, ['quiet'], []).join(' ')).to.equal('--karg-delete=quiet');
  });
});
