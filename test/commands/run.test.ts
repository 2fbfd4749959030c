import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openContext } from '../../src/commands/context.ts';
import { createRun, type RunParts } from '../../src/commands/run.ts';
import { ok } from '../../src/commands/verb.ts';
import type { VirtualDevice } from '../../src/config/types.ts';
import type { DeviceDeployment } from '../../src/device/deploy.ts';
import { noEvidence } from '../../src/device/evidence.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import { readResult } from '../../src/report/result.ts';
import { commit, device, older, result } from '../report/sample.ts';

const passed = device().tests[0]!;

describe('lockstep run', () => {
  let root: string;
  let runDirectory: string;
  let parts: RunParts;
  /** What was asked of the parts, in order. */
  let asked: string[];

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-run-verb-'));
    runDirectory = path.join(root, '.lockstep/run');
    const yaml = `images:
  panel: {arch: armhf, suites: [bookworm], packages: [dash]}
  gateway: {arch: armhf, suites: [bookworm], packages: [dash]}
devices:
  virt-1: {virtual: true, image: panel}
  virt-2: {virtual: true, image: panel}
tests: {dir: tests}
`;
    await writeFile(path.join(root, 'lockstep.yml'), yaml);
    await lock('3.0.16-1');
    await mkdir(path.join(root, 'tests'));
    await writeFile(path.join(root, 'tests/10-uname'), '#!/bin/sh\n');
    await chmod(path.join(root, 'tests/10-uname'), 0o755);
    asked = [];
    parts = {
      async build(context) {
        const names = (await context.images()).map(({ name }) => name);
        asked.push(`build ${names}`);
        const { ref, lockDigest, stages } = result().images[0]!;
        return ok('built', { images: names.map((name) => ({ name, ref, commit, lockDigest, stages })) });
      },
      async bringUpVirtual(_, devices) {
        asked.push(`up ${devices.map(({ name }) => name)}`);
        return { started: devices.filter((each): each is VirtualDevice => each.virtual), failed: new Map() };
      },
      async deployDevices(_, devices) {
        asked.push(`deploy ${devices.map(({ name }) => name)}`);
        return devices.map(({ name }) => deployment(name));
      },
      async testDevices(_, devices, suite, commits) {
        asked.push(`test ${devices.map(({ name }) => `${name}=${commits.get(name)?.slice(0, 8)}`)} ${suite.tests}`);
        return devices.map(({ name }) => ({ device: name, tests: [passed], artifacts: [], notes: [], failure: null }));
      },
      async takeDown(_, devices) {
        asked.push(`down ${devices.map(({ name }) => name)}`);
      },
    };
  });
  afterEach(() => rm(root, { recursive: true }));

  async function lock(version: string): Promise<void> {
    const stanza = `Package: openssl\nVersion: ${version}\nArchitecture: armhf\nFilename: pool/openssl_${version}.deb\nSize: 10\nSHA256: ${'a'.repeat(64)}\n`;
    for (const name of ['panel', 'gateway']) await writeFile(path.join(root, `${name}.lock`), stanza);
  }

  function deployment(name: string, more: Partial<DeviceDeployment> = {}): DeviceDeployment {
    const common = { name, verdict: 'deployed' as const, reason: null, wanted: commit, commit, warnings: [] };
    return {
      ...common,
      bytesSent: 5,
      ms: 7,
      ownMs: 3,
      verdictMs: 2,
      steps: [],
      evidence: { ...noEvidence, journal: 'a journal' },
      ...more,
    };
  }

  const perform = (options: { keepUp?: boolean; device?: string[] } = {}, signal = new AbortController().signal) =>
    createRun(parts).run(openContext({ C: root, device: options.device }, silent, signal), options, []);

  it('builds only images with devices, brings virtual devices up, deploys, tests, and takes them down', async () => {
    const outcome = await perform();
    expect(asked).to.deep.equal([
      'build panel',
      'up virt-1,virt-2',
      'deploy virt-1,virt-2',
      'test virt-1=8f3a2c11,virt-2=8f3a2c11 10-uname',
      'down virt-1,virt-2',
    ]);
    expect(outcome).to.deep.include({
      outcome: 'ok',
      message: 'panel 8f3a2c11 on 2 devices: 2 passed',
      description: 'panel 8f3a2c11 on 2 devices: 2 passed',
      junit: ['virt-1', 'virt-2'].map((name) => path.join(runDirectory, `junit/${name}.xml`)),
    });
    const junit = await readFile(path.join(runDirectory, 'junit/virt-1.xml'), 'utf8');
    expect(junit).to.include(`<property name="lockDigest" value="${result().images[0]!.lockDigest}"/>`);
    expect(JSON.stringify(outcome)).not.to.include('a journal');
  });

  it('leaves the devices up with --keep-up', async () => {
    await perform({ keepUp: true });
    expect(asked.filter((what) => what.startsWith('down'))).to.deep.equal([]);
  });

  it('tests no device that does not run its commit, and still tells of it everywhere', async () => {
    parts.deployDevices = async () => [
      deployment('virt-1'),
      deployment('virt-2', { verdict: 'rolled-back', reason: 'its kernel panicked', commit: older }),
    ];
    const outcome = await perform();
    expect(asked).to.include('test virt-1=8f3a2c11 10-uname');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    const junit = await readFile(path.join(runDirectory, 'junit/virt-2.xml'), 'utf8');
    expect(junit).to.include('rolled-back: its kernel panicked').and.include('not run: the device is rolled-back');
  });

  it('counts a virtual device that does not boot as unreachable, and goes on with the others', async () => {
    const error = new LockstepError('E_DEVICE_BOOT', 'virtual device virt-2 did not come up: qemu ended');
    parts.bringUpVirtual = async () => ({ started: [], failed: new Map([['virt-2', error]]) });
    const outcome = await perform();
    expect(asked).to.include('deploy virt-1').and.include('test virt-1=8f3a2c11 10-uname');
    expect(outcome).to.include({ outcome: 'failed', code: 'E_DEPLOY' });
    expect(outcome.devices).to.have.length(2);
    expect((outcome.devices as { verdict: string }[])[1]!.verdict).to.equal('unreachable');
    expect(outcome.message).to.include('virt-2 did not come up: qemu ended');
  });

  it('takes down what it brought up when a later part throws, and leaves results that say so', async () => {
    await perform();
    asked = [];
    parts.deployDevices = async () => {
      throw new LockstepError('E_REPO', 'the repository is damaged');
    };
    const error = await perform().then(
      () => expect.fail('it succeeded'),
      (thrown: LockstepError) => thrown,
    );
    expect(error.code).to.equal('E_REPO');
    expect(asked.at(-1)).to.equal('down virt-1,virt-2');
    expect(await readResult(runDirectory)).to.include({ outcome: 'failed', code: 'E_REPO' });
    expect(await readdir(runDirectory)).not.to.include('junit');
    expect(await readdir(path.join(root, '.lockstep/work'))).to.deep.equal([]);
  });

  it('builds nothing when there is no test to run', async () => {
    await rm(path.join(root, 'tests'), { recursive: true });
    await perform().then(
      () => expect.fail('it succeeded'),
      (error: LockstepError) => expect(error.code).to.equal('E_TESTS_MISSING'),
    );
    expect(asked).to.deep.equal([]);
  });

  it('says which packages changed since the run before, and keeps the lockfile with the results', async () => {
    await perform();
    expect((await readResult(runDirectory))!.images[0]!.changes).to.deep.equal([]);
    await lock('3.0.17-1');
    await perform();
    expect((await readResult(runDirectory))!.images[0]!.changes).to.deep.equal([
      { package: 'openssl', from: '3.0.16-1', to: '3.0.17-1', kind: 'upgraded' },
    ]);
    expect(await readFile(path.join(runDirectory, 'panel.lock'), 'utf8')).to.include('3.0.17-1');
  });

  it('prints a row for each device, the description and where the page is', async () => {
    const verb = createRun(parts);
    const outcome = await verb.run(openContext({ C: root }, silent, new AbortController().signal), {}, []);
    const printed = verb.print!(outcome).split('\n');
    expect(printed.filter((line) => /virt-\d/.test(line))).to.have.length(2);
    expect(printed.at(-2)).to.equal('panel 8f3a2c11 on 2 devices: 2 passed');
    expect(printed.at(-1)).to.equal(`report: ${path.join(runDirectory, 'report/index.html')}`);
  });
});
