import { expect } from 'chai';
import { readAnswers } from '../../src/device/observe.ts';
import { LockstepError } from '../../src/errors/index.ts';

const commit = 'c'.repeat(64);

const answers = (parts: Record<string, string>) =>
  Object.entries(parts)
    .map(([name, text]) => `\n@@ ${name}\n${text}`)
    .join('');

const whole = {
  bootId: '6b1c0a2e-7f2f-4a92-9c50-0d8f1fdbe5a1\n',
  turn: 'held\n',
  cmdline: `root=LABEL=root rw ostree=/ostree/boot.1/lockstep/dddd/0\n`,
  machine: 'armv7l\n',
  status: `* lockstep ${commit}.0\n    Version: 1\n`,
  directory: `/sysroot/ostree/deploy/lockstep/deploy/${commit}.0\n`,
  systemState: 'degraded\n',
  failedUnits: 'one.service\ntwo.mount\n',
};

describe('readAnswers', () => {
  it('reads what a device says of itself', () => {
    const state = readAnswers(answers(whole), 'bench-1');
    expect(state.booted.checksum).to.equal(commit);
    expect(state.bootedDirectory).to.equal(`${commit}.0`);
    expect(state.cmdline).to.deep.equal(['root=LABEL=root', 'rw', 'ostree=/ostree/boot.1/lockstep/dddd/0']);
    expect(state.failedUnits).to.deep.equal(['one.service', 'two.mount']);
    expect(state).to.include({ turn: 'held', machine: 'armv7l', systemState: 'degraded' });
  });

  it('sees by the boot counter that the deployment is on trial', () => {
    const trial = (text: string) => readAnswers(answers({ ...whole, counter: text }), 'bench-1').onTrial;
    expect(trial('upgrade_available=1\nbootcount=2\n\n')).to.equal(true);
    expect(trial('upgrade_available=0\nbootcount=0\n\n')).to.equal(false);
    expect(trial('')).to.equal(false);
    expect(trial('a torn sector')).to.equal(true);
  });

  it('reads what is on trial, what the boot was judged, and whether the commit is there', () => {
    const said = {
      trial: `commit=${commit}\nprevious=${'d'.repeat(64)}.1\npinned=yes\nlimit=300\n`,
      reasons: 'boot 1: one.service failed\nboot 2: one.service failed\n',
      judges: 'yes\n',
      health: 'settled running\nwanted 20-net failed 1\nreason one.service failed\nresult unhealthy\n',
      transferred: 'yes\n',
      clock: '946684800\n',
      options: 'root=LABEL=root ostree=/ostree/boot.1/lockstep/dddd/0\n',
    };
    const state = readAnswers(answers({ ...whole, ...said }), 'bench-1');
    expect(state.trial).to.deep.equal({ commit, previous: `${'d'.repeat(64)}.1`, result: null, pinned: true });
    expect(state.trialReasons).to.have.length(2);
    expect(state.health).to.deep.equal({
      healthy: false,
      reasons: ['one.service failed'],
      warnings: ['20-net failed 1'],
    });
    expect(state).to.include({ judgesItself: true, transferred: true, clock: 946684800 });
    expect(state.options).to.deep.equal(['root=LABEL=root', 'ostree=/ostree/boot.1/lockstep/dddd/0']);
  });

  it('takes a kernel argument that leads nowhere for what it is', () => {
    const state = readAnswers(answers({ ...whole, directory: '/sysroot/ostree/boot.1/lockstep/dddd/0\n' }), 'bench-1');
    expect(state.bootedDirectory).to.equal(null);
  });

  it('names the device that does not run an ostree deployment', () => {
    const look = () => readAnswers(answers({ ...whole, status: `  lockstep ${commit}.0\n` }), 'bench-1');
    expect(look).to.throw(LockstepError, 'bench-1').with.property('code', 'E_DEVICE_PREPARE');
  });
});
