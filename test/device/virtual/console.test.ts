import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { bootFailure, consoleSince, lastLines, lengthOf } from '../../../src/device/virtual/console.ts';

describe('the console of a virtual device', () => {
  let dir: string;
  let file: string;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-console-'));
    file = path.join(dir, 'console.log');
  });
  after(() => rm(dir, { recursive: true }));

  it('is read from where this boot began, without terminal control', async () => {
    await writeFile(file, 'old boot\n');
    const from = await lengthOf(file);
    await writeFile(file, 'old boot\n\x1b[0;32mnew\x1b[0m boot\r\n');
    expect(await consoleSince(file, from)).to.equal('new boot\n');
  });

  it('is empty when there is none', async () => {
    expect(await lengthOf(path.join(dir, 'none'))).to.equal(0);
    expect(await consoleSince(path.join(dir, 'none'), 0)).to.equal('');
  });

  it('tells a boot that failed from one that goes on', () => {
    const panic = 'a\n[    3.1] Kernel panic - not syncing: Attempted to kill init!';
    expect(bootFailure(`${panic}\nU-Boot 2023.01\n`)).to.deep.equal({ reason: 'its kernel panicked', until: panic });
    const noKernel = 'Bad Linux ARM zImage magic!\nlockstep: cannot start /boot/vmlinuz';
    expect(bootFailure(`${noKernel}\nresetting ...\n`)?.until).to.equal(noKernel);
    expect(bootFailure('lockstep: starting /boot/vmlinuz\nKernel command line: panic=5')).to.equal(null);
  });

  it('gives the last lines that say something', () => {
    expect(lastLines('one\n\ntwo  \n\n', 2)).to.deep.equal(['one', 'two']);
  });
});
