import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openContext } from '../../src/commands/context.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import { type SshServer, startSshServer } from '../device/ssh-server.ts';

describe('lockstep devices', () => {
  let dir: string;
  let server: SshServer;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-devices-'));
    server = await startSshServer();
    const { port, hostKey, identity } = server.connection;
    const image = 'arch: armhf, suites: [bookworm], packages: [openssh-server]';
    const power = 'power: {on: "echo $LOCKSTEP_DEVICE on", off: "echo no such port >&2; exit 3"}';
    const bench = `host: 127.0.0.1, port: ${port}, hostKey: "${hostKey}", identity: "${identity}", ${power}`;
    const other = `host: 127.0.0.1, port: ${port}, hostKey: "SHA256:${'A'.repeat(43)}", identity: "${identity}"`;
    const yaml = [
      `images:\n  panel: {${image}}`,
      `devices:\n  virt-1: {virtual: true}\n  bench-1: {${bench}}\n  bench-2: {${other}}\n`,
    ];
    await writeFile(path.join(dir, 'lockstep.yml'), yaml.join('\n'));
  });
  after(async () => {
    await server.close();
    await rm(dir, { recursive: true });
  });

  // No toolbox is opened by any of these: there is nothing that could be running.
  const run = (...args: string[]) =>
    devices.run(openContext({ C: dir, toolbox: 'docker' }, silent, new AbortController().signal), {}, args);
  const failure = async (...args: string[]) => {
    const thrown = await run(...args).catch((error) => error);
    expect(thrown).to.be.instanceOf(LockstepError);
    return thrown as LockstepError;
  };

  it('names the devices there are when it is asked for another', async () => {
    const error = await failure('list', 'virt-9');
    expect(error.code).to.equal('E_NO_SUCH_DEVICE');
    expect(`${error.message} ${error.hint}`).to.include('virt-9').and.to.include('virt-1, bench-1');
  });

  it('names its actions when it is asked for another', async () => {
    const error = await failure('reboot', 'virt-1');
    expect(error.code).to.equal('E_USAGE');
    expect(error.message).to.include('reboot').and.to.include('list, check, adopt, up, down, power');
  });

  it('starts and stops no real device', async () => {
    for (const action of ['up', 'down']) {
      const error = await failure(action, 'bench-1');
      expect(error.code).to.equal('E_USAGE');
      expect(error.message).to.include('bench-1');
    }
  });

  it('lists each device with what is wrong with it, and fails for none', async () => {
    const { devices: listed } = await run('list');
    const states = (listed as { name: string; state: string }[]).map(({ name, state }) => `${name} ${state}`);
    expect(states).to.deep.equal(['virt-1 absent', 'bench-1 E_DEVICE_PREPARE', 'bench-2 E_SSH_HOST_KEY']);
  });

  it('tells what devices lack, and fails', async () => {
    const outcome = await run('check');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEVICE_PREPARE' });
    const checked = outcome.devices as { name: string; ready: boolean; findings: { what: string; state: string }[] }[];
    expect(checked.map(({ ready }) => ready)).to.deep.equal([false, false, false]);
    const bench = checked[1]?.findings.map(({ what, state }) => `${what} ${state}`);
    expect(bench).to.include.members(['login has', 'forwarding has', 'ostree lacks']);
    expect(checked[2]?.findings).to.have.length(1);
    expect(devices.print?.(outcome)).to.include('bench-1').and.to.include('lacks');
  });

  it('switches the power of devices that are named, and tells what their commands said', async () => {
    const outcome = await run('power', 'on', 'bench-1');
    expect(outcome).to.include({ outcome: 'ok', message: 'bench-1 switched on:\n  bench-1 on' });
    expect((await failure('power', 'off', 'bench-1')).message).to.include('no such port');
    expect((await failure('power', 'on', 'bench-2')).code).to.equal('E_POWER_MISSING');
    for (const args of [['power', 'on'], ['power', 'up', 'bench-1'], ['power']]) {
      expect((await failure(...args)).code, args.join(' ')).to.equal('E_USAGE');
    }
  });
});
