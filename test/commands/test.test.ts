import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { openContext } from '../../src/commands/context.ts';
import { report } from '../../src/commands/report.ts';
import { test } from '../../src/commands/test.ts';
import type { Outcome } from '../../src/commands/verb.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import { readResult, writeResult } from '../../src/report/result.ts';
import { type SshServer, startSshServer } from '../device/ssh-server.ts';
import { commit, device, result } from '../report/sample.ts';

describe('lockstep test', function () {
  this.timeout(30_000);
  let root: string;
  let run: string;
  let server: SshServer;

  before(async () => {
    server = await startSshServer();
  });
  after(() => server.close());

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-test-verb-'));
    run = path.join(root, '.lockstep/run');
    await configure(server.connection.port);
  });
  afterEach(() => rm(root, { recursive: true }));

  async function configure(port: number): Promise<void> {
    const { hostKey, identity, user } = server.connection;
    await writeFile(
      path.join(root, 'lockstep.yml'),
      `images:
  panel: {arch: armhf, suites: [bookworm], packages: [dash]}
devices:
  bench-1: {host: 127.0.0.1, port: ${port}, user: ${user}, hostKey: "${hostKey}", identity: ${identity}}
tests: {dir: tests, timeout: 20s}
`,
    );
  }

  async function put(name: string, script: string): Promise<void> {
    await mkdir(path.join(root, 'tests'), { recursive: true });
    await writeFile(path.join(root, 'tests', name), script);
    await chmod(path.join(root, 'tests', name), 0o755);
  }

  const perform = (signal = new AbortController().signal): Promise<Outcome> =>
    test.run(openContext({ C: root }, silent, signal), {}, []);

  async function failureOf(work: Promise<unknown>): Promise<LockstepError> {
    return work.then(
      () => expect.fail('it succeeded'),
      (error: LockstepError) => error,
    );
  }

  it('runs the tests over SSH and leaves JUnit, result.json, a page and artifacts', async () => {
    await put('1-env', '#!/bin/sh\necho "$LOCKSTEP_DEVICE $LOCKSTEP_IMAGE ${LOCKSTEP_COMMIT-none}"\n');
    await put('2-artifact', '#!/bin/sh\necho kept >"$LOCKSTEP_ARTIFACTS/note.txt"\n');
    const outcome = await perform();
    expect(outcome).to.deep.include({
      outcome: 'ok',
      code: null,
      message: '2 passed on 1 device',
      devices: [{ name: 'bench-1', tests: 2, failed: 0, skipped: 0, flaky: 0 }],
      junit: [path.join(run, 'junit/bench-1.xml')],
    });
    expect(await readFile(path.join(run, 'junit/bench-1.xml'), 'utf8')).to.include('bench-1 panel none');
    expect(await readFile(path.join(run, 'devices/bench-1/artifacts/note.txt'), 'utf8')).to.equal('kept\n');
    expect((await readResult(run))!.devices[0]!.files).to.include('artifacts/note.txt');
    expect(await readFile(outcome.report as string, 'utf8')).to.include('2-artifact');
    expect(test.print!(outcome)).to.include('bench-1').and.include('report: ');
  });

  it('is unstable, with E_TESTS_FAILED, when a test failed', async () => {
    await put('1-pass', '#!/bin/sh\n');
    await put('2-fail', '#!/bin/sh\necho it broke\nexit 1\n');
    const outcome = await perform();
    expect(outcome).to.include({ outcome: 'unstable', code: 'E_TESTS_FAILED' });
    expect(outcome.message).to.equal('1 passed, 1 failed on 1 device\nbench-1: 2-fail: exit code 1: it broke');
  });

  it('fails, and tells of every test as an error, when the device does not answer', async () => {
    await put('1-pass', '#!/bin/sh\n');
    await configure(1);
    const outcome = await perform();
    expect(outcome).to.include({ outcome: 'failed', code: 'E_SSH_UNREACHABLE' });
    expect(outcome.message).to.include('bench-1');
    const junit = await readFile(path.join(run, 'junit/bench-1.xml'), 'utf8');
    expect(junit)
      .to.match(/errors="1"/)
      .and.match(/<error message="not run: /);
  });

  it('fails when the device is lost during a test', async () => {
    await put('1-cut', `#!/bin/sh\ndirname "$PWD" >${root}/scratch\nsleep 30\n`);
    await put('2-after', '#!/bin/sh\n');
    const [outcome] = await Promise.all([perform(), written(path.join(root, 'scratch')).then(() => server.cut())]);
    expect(outcome).to.include({ outcome: 'failed', code: 'E_SSH_CUT' });
    expect(outcome.devices).to.deep.equal([{ name: 'bench-1', tests: 2, failed: 2, skipped: 0, flaky: 0 }]);
    // A device that is gone cannot be cleaned up; this machine can.
    const scratch = (await readFile(path.join(root, 'scratch'), 'utf8')).trim();
    expect(path.basename(scratch)).to.match(/^lockstep-tests\./);
    await rm(scratch, { recursive: true });
  });

  it('says E_TESTS_MISSING, and does not leave the results of the run before as if they were its own', async () => {
    await writeResult(run, result());
    await mkdir(path.join(run, 'junit'));
    await writeFile(path.join(run, 'junit/bench-1.xml'), '<old/>');
    expect((await failureOf(perform())).code).to.equal('E_TESTS_MISSING');
    expect((await readResult(run))!).to.include({ outcome: 'failed', code: 'E_TESTS_MISSING' });
    expect((await readdir(run)).sort()).to.deep.equal(['report', 'result.json']);
  });

  it('reports the deployment before it, and tells tests its commit', async () => {
    await put('1-env', '#!/bin/sh\necho "commit $LOCKSTEP_COMMIT"\n');
    await writeResult(run, result({ devices: [device({ name: 'bench-1' })] }));
    await perform();
    const junit = await readFile(path.join(run, 'junit/bench-1.xml'), 'utf8');
    expect(junit).to.include(`commit ${commit}`).and.include('name="reboot"').and.include('name="health"');
    expect(junit).to.include(`<property name="commit" value="${commit}"/>`);
    expect((await readResult(run))!.devices[0]!.deployment!.verdict).to.equal('deployed');
  });

  it('tells tests the commit of the build when nothing was deployed', async () => {
    await put('1-env', '#!/bin/sh\necho "commit $LOCKSTEP_COMMIT"\n');
    await mkdir(path.join(root, '.lockstep/repo/refs/heads/panel'), { recursive: true });
    await writeFile(path.join(root, '.lockstep/repo/refs/heads/panel/armhf'), `${commit}\n`);
    await perform();
    const junit = await readFile(path.join(run, 'junit/bench-1.xml'), 'utf8');
    expect(junit).to.include(`commit ${commit}`).and.not.include('name="reboot"');
  });

  it('stops when it is interrupted, and says so in the results', async () => {
    await put('1-long', '#!/bin/sh\nsleep 300\n');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1_000);
    const startedAt = Date.now();
    expect((await failureOf(perform(stop.signal))).code).to.equal('E_INTERRUPTED');
    expect(Date.now() - startedAt).to.be.below(10_000);
    expect(await readResult(run)).to.include({ outcome: 'failed', code: 'E_INTERRUPTED' });
    expect(await readdir(run)).not.to.include('junit');
  });

  it('lets `lockstep report` write the page anew from result.json', async () => {
    const context = () => openContext({ C: root }, silent, new AbortController().signal);
    expect((await failureOf(report.run(context(), {}, []))).code).to.equal('E_RESULT');
    await writeResult(run, result());
    const outcome = await report.run(context(), {}, []);
    expect(outcome.report).to.equal(path.join(run, 'report/index.html'));
    expect(await readFile(outcome.report as string, 'utf8')).to.include('30-net');
  });
});

/** Waits until a file has something in it. */
async function written(file: string): Promise<void> {
  while ((await readFile(file, 'utf8').catch(() => '')) === '') await sleep(50);
}
