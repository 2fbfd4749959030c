import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { projectRoot } from './lockstep.ts';

describe('the bootstrap script on a machine that is set up', function () {
  this.timeout(60_000);

  it('has nothing to do or to say, and takes no time over it', async () => {
    const started = Date.now();
    const { stdout, stderr } = await execa(path.join(projectRoot, 'script/bootstrap'), { stdin: 'ignore' });
    expect(stdout + stderr).to.equal('');
    expect(Date.now() - started).to.be.lessThan(5_000);
  });
});
