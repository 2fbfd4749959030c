import path from 'node:path';
import { expect } from 'chai';
import { devices } from '../../src/commands/devices/devices.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { PanelProject } from './panel-project.ts';
import { eventually, processesWith } from './toolboxes.ts';

const devicesYaml = `devices:
  virt-1: {virtual: true}
  virt-2: {virtual: true}
`;

describe('a virtual device that does not start', function () {
  this.timeout(20 * 60_000);
  let project: PanelProject;
  let disk: string;

  before(async () => {
    project = await PanelProject.make('device-start', devicesYaml);
    await project.commitBroken();
    disk = path.join(workspaceOf(project.dir).devices, 'virt-1/disk.img');
  });

  after(async () => {
    await project?.lockstep(devices, {}, ['down', 'virt-1', 'virt-2']);
  });

  it('is listed as absent, and has nothing to deploy to, before it is made', async () => {
    const { devices: listed } = await project.lockstep(devices, {}, ['list', 'virt-1']);
    expect((listed as { state: string }[])[0]?.state).to.equal('absent');
    const { device, outcome } = await project.deployed('test/broken');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(device.verdict).to.equal('unreachable');
    expect(device.reason).to.include('virt-1');
  });

  it('wants a commit that exists', async () => {
    const error = await project.lockstep(devices, { commit: 'test/none' }, ['up', 'virt-1']).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_NOT_BUILT');
    expect(await processesWith(disk)).to.deep.equal([]);
  });

  it('leaves no machine behind when it is interrupted while it boots', async () => {
    const controller = new AbortController();
    const work = project
      .lockstep(devices, {}, ['up', 'virt-1'], { signal: controller.signal })
      .catch((thrown) => thrown);
    expect(await eventually(async () => (await processesWith(`file=${disk}`)).length > 0, 120_000)).to.equal(true);
    controller.abort();
    expect(await work)
      .to.be.instanceOf(LockstepError)
      .with.property('code', 'E_INTERRUPTED');
    expect(await processesWith(`file=${disk}`)).to.deep.equal([]);
  });

  it('shows its console when its first commit does not start', async () => {
    const up = project.lockstep(devices, { commit: 'test/broken' }, ['up', 'virt-2']);
    const error: LockstepError = await up.catch((thrown) => thrown);
    expect(error.code).to.equal('E_DEVICE_BOOT');
    expect(error.message)
      .to.include('virt-2')
      .and.to.include('U-Boot could not start')
      .and.to.match(/zimage/i);
    expect(await processesWith('devices/virt-2/disk.img')).to.deep.equal([]);
  });
});
