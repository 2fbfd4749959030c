import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { formatChecks, lacking, present } from '../../src/toolbox/check.ts';
import { checkDisk, checkFile, checkNode, checkProgram, checkRoot } from '../../src/toolbox/doctor-checks.ts';
import { findProgram, missingPrograms } from '../../src/toolbox/programs.ts';

describe('what doctor checks', () => {
  it('takes Node.js 20 and later, and no older one', () => {
    expect(checkNode('20.0.0').ok).to.equal(true);
    expect(checkNode('22.11.0').ok).to.equal(true);
    expect(checkNode('18.20.4')).to.include({ ok: false, found: '18.20.4' });
  });

  it('wants root for the host toolbox and names the way without', () => {
    expect(checkRoot('host toolbox', null, 0)).to.include({ ok: true, found: 'yes' });
    const check = checkRoot('host toolbox', 'there is no newuidmap', 1000);
    expect(check).to.include({ ok: false, found: 'there is no newuidmap' });
    expect(check.remedy).to.contain('--toolbox docker');
  });

  it('takes a user who can be root in a namespace', () => {
    expect(checkRoot('host toolbox', null, 1000)).to.include({ ok: true, found: 'in a user namespace' });
  });

  it('finds a program and its version', async () => {
    const check = await checkProgram({ name: 'tar', package: 'tar' }, 'this test');
    expect(check.ok).to.equal(true);
    expect(check.found).to.match(/^\d+\.\d+/);
  });

  it('names the package of a program that is missing', async () => {
    const check = await checkProgram({ name: 'no-such-program', package: 'no-such-package' }, 'this test');
    expect(check).to.include({ ok: false, remedy: 'apt-get install no-such-package' });
  });

  it('names the package of a file that is missing', async () => {
    const check = await checkFile({ name: '/no/such/u-boot.bin', package: 'u-boot-qemu' }, 'this test');
    expect(check).to.include({ ok: false, remedy: 'apt-get install u-boot-qemu' });
  });

  it('measures the disk even where the directory does not exist yet', async () => {
    const check = await checkDisk(path.join(tmpdir(), 'no', 'such', 'project'));
    expect(check.found).to.match(/^\d+\.\d GiB free in /);
  });
});

describe('doctor’s page', () => {
  const checks = [
    present({ name: 'Node.js', needed: 'lockstep itself' }, '20.20.2'),
    lacking({ name: 'Docker engine', needed: 'docker toolbox' }, 'nothing listens there', 'apt-get install docker.io'),
    lacking({ name: 'ostree', needed: 'host toolbox' }, null, 'apt-get install ostree'),
  ];

  it('has a line for each check, and below what is missing how to mend it', () => {
    expect(formatChecks(checks).split('\n')).to.deep.equal([
      'ok       Node.js        20.20.2',
      'missing  Docker engine  for docker toolbox',
      '         nothing listens there',
      '         → apt-get install docker.io',
      'missing  ostree         for host toolbox',
      '         → apt-get install ostree',
    ]);
  });
});

describe('looking for programs', () => {
  let dir: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-programs-'));
    await writeFile(path.join(dir, 'there'), '', { mode: 0o755 });
    await writeFile(path.join(dir, 'not-executable'), '', { mode: 0o644 });
  });

  after(() => rm(dir, { recursive: true }));

  it('finds what is executable on the path', async () => {
    expect(await findProgram('there', `/nowhere:${dir}`)).to.equal(path.join(dir, 'there'));
    expect(await findProgram('not-executable', dir)).to.equal(null);
  });

  it('lists those that are missing', async () => {
    const there = { name: 'there', package: 'a' };
    const gone = { name: 'gone', package: 'b' };
    expect(await missingPrograms([there, gone], dir)).to.deep.equal([gone]);
  });
});
