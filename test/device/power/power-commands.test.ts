import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { PowerConfig } from '../../../src/config/types.ts';
import { powerByCommands } from '../../../src/device/power/power-commands.ts';
import { LockstepError } from '../../../src/errors/index.ts';

describe('the power of a device, switched by commands', () => {
  const never = new AbortController().signal;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(`${tmpdir()}/lockstep-power-`);
  });
  after(() => rm(directory, { recursive: true }));

  function switchOf(power: Partial<PowerConfig>) {
    const rest = { on: null, off: null, cycle: null, timeoutMs: 10_000, pauseMs: 10, afterSilence: false };
    const environment = { PATH: process.env.PATH };
    return powerByCommands({ device: 'bench-1', power: { ...rest, ...power }, directory, environment });
  }
  const failure = async (work: Promise<unknown>) => {
    const thrown = await work.catch((error) => error);
    expect(thrown).to.be.instanceOf(LockstepError);
    return thrown as LockstepError;
  };

  it('runs the command in the directory of lockstep.yml, with the device’s name, and keeps what it says', async () => {
    const { output, action } = await switchOf({ on: 'echo "$LOCKSTEP_DEVICE on"; pwd >&2' }).turn('on', never);
    expect(action).to.equal('on');
    expect(output.split('\n')).to.have.members(['bench-1 on', directory]);
  });

  it('cycles by off and on where there is no command of its own for it', async () => {
    const both = switchOf({ on: 'echo on', off: 'echo off' });
    expect((await both.turn('cycle', never)).output).to.equal('off\non');
    expect((await switchOf({ cycle: 'echo both' }).turn('cycle', never)).output).to.equal('both');
  });

  it('does not switch on what it failed to switch off', async () => {
    const error = await failure(switchOf({ on: 'touch was-on', off: 'echo no hub >&2; exit 4' }).turn('cycle', never));
    expect(error.code).to.equal('E_POWER');
    expect(error.message).to.include('bench-1').and.include('exit code 4').and.include('no hub');
    expect((await switchOf({ on: 'ls' }).turn('on', never)).output).to.equal('');
  });

  it('names the command that is missing', async () => {
    const error = await failure(switchOf({ cycle: 'true' }).turn('off', never));
    expect(error).to.include({ code: 'E_POWER_MISSING' });
    expect(error.message).to.include('bench-1').and.include('power.off');
  });

  it('ends a command that does not end, and what that started', async () => {
    const command = 'sleep 1 && touch outlived & echo "port $PORT"; sleep 60';
    const start = performance.now();
    const error = await failure(switchOf({ on: command, timeoutMs: 300 }).turn('on', never));
    expect(performance.now() - start).to.be.lessThan(3_000);
    expect(error.code).to.equal('E_POWER');
    expect(error.message).to.include('did not end in 0.3 s').and.include('port');
    await sleep(1_300);
    expect((await switchOf({ on: 'ls' }).turn('on', never)).output).to.equal('');
  });

  it('does not wait for what a command leaves running', async () => {
    const start = performance.now();
    expect((await switchOf({ on: 'sleep 6 & echo done' }).turn('on', never)).output).to.equal('done');
    expect(performance.now() - start).to.be.lessThan(5_000);
  });

  it('stops when it is interrupted', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const error = await failure(switchOf({ on: 'sleep 60' }).turn('on', controller.signal));
    expect(error.code).to.equal('E_INTERRUPTED');
  });
});
