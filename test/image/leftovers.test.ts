import { expect } from 'chai';
import { leftRunning } from '../../src/image/leftovers.ts';

describe('a program that scripts left running', () => {
  it('is told of with the package whose script started it', () => {
    expect(leftRunning('lockstep-left: panel-app /usr/sbin/paneld --fork ')).to.equal(
      'a script of panel-app left a program running, which was ended: /usr/sbin/paneld --fork',
    );
  });

  it('is told of when it is no package’s', () => {
    expect(leftRunning('lockstep-left: - sleep 1')).to.match(/^a script left a program running/);
  });

  it('is not seen in any other line', () => {
    expect(leftRunning('Setting up panel-app (1.2) ...')).to.equal(null);
  });
});
