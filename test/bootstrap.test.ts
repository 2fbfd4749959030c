import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';

const bootstrap = path.resolve(import.meta.dirname, '../script/bootstrap');

describe('the bootstrap script', () => {
  let bin: string;

  beforeEach(async () => {
    bin = await mkdtemp(path.join(tmpdir(), 'lockstep-bin-'));
    await symlink('/usr/bin/dirname', path.join(bin, 'dirname'));
  });

  afterEach(() => rm(bin, { recursive: true }));

  /** Runs it where PATH holds nothing but what a test put there. */
  const run = () => execa('/bin/bash', [bootstrap], { env: { PATH: bin }, extendEnv: false, reject: false });

  it('says that Node.js is needed where it is not there', async () => {
    const { exitCode, stderr } = await run();
    expect(exitCode).to.equal(1);
    expect(stderr).to.equal('bootstrap: Node.js 20 or later is needed, and not there');
  });

  it('says which Node.js is too old', async () => {
    await writeFile(path.join(bin, 'node'), '#!/bin/bash\necho 18.20.4\n');
    await chmod(path.join(bin, 'node'), 0o755);
    const { exitCode, stderr } = await run();
    expect(exitCode).to.equal(1);
    expect(stderr).to.equal('bootstrap: Node.js 20 or later is needed, this is 18.20.4');
  });
});
