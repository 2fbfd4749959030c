import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { silent } from '../../src/progress/progress.ts';
import { discoverTests } from '../../src/testing/discover.ts';
import { packTests } from '../../src/testing/pack.ts';
import { casesOf, type TestResult } from '../../src/testing/results.ts';
import { type RunTestsOptions, runTests } from '../../src/testing/run.ts';
import { LocalSession } from './local-session.ts';

describe('running tests in a real shell', function () {
  this.timeout(20_000);
  let dir: string;
  let base: string;
  let results: string;

  beforeEach(async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'lockstep-run-'));
    dir = path.join(root, 'tests');
    base = path.join(root, 'device');
    results = path.join(root, 'results');
    await Promise.all([mkdir(dir), mkdir(base)]);
  });
  afterEach(() => rm(path.dirname(dir), { recursive: true }));

  async function put(name: string, script: string, mode = 0o755): Promise<void> {
    const file = path.join(dir, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, script);
    await chmod(file, mode);
  }

  async function run(options: Partial<RunTestsOptions> = {}, session = new LocalSession()) {
    const suite = { tests: await discoverTests(dir), archive: await packTests(dir) };
    return runTests(session, suite, {
      device: 'virt-1',
      environment: { LOCKSTEP_DEVICE: 'virt-1', LOCKSTEP_COMMIT: 'c0ffee' },
      timeoutMs: 5_000,
      results,
      stage: silent.stage('tests'),
      signal: new AbortController().signal,
      scratchBases: [path.join(base, 'absent'), base],
      ...options,
    });
  }

  const only = async (options: Partial<RunTestsOptions> = {}): Promise<TestResult> => {
    const { tests } = await run(options);
    expect(tests).to.have.length(1);
    return tests[0]!;
  };

  it('passes on 0, skips on 77, fails on anything else, in order', async () => {
    await put('1-pass', '#!/bin/sh\nexit 0\n');
    await put('2-skip', '#!/bin/sh\necho no gpu here\nexit 77\n');
    await put('3-fail', '#!/bin/sh\necho looking\necho expected armv7l >&2\nexit 4\n');
    const { tests } = await run();
    expect(tests.map(({ name, status, message }) => [name, status, message])).to.deep.equal([
      ['1-pass', 'passed', null],
      ['2-skip', 'skipped', 'no gpu here'],
      ['3-fail', 'failed', 'exit code 4: expected armv7l'],
    ]);
    expect(tests[2]!.output).to.equal('looking\nexpected armv7l\n');
  });

  it('gives tests their environment, their data files with modes, and an empty stdin', async () => {
    await put('data/input.txt', 'data\n', 0o640);
    await put(
      'net/see',
      '#!/bin/sh\necho "$LOCKSTEP_DEVICE $LOCKSTEP_COMMIT"\ncat data/input.txt -\nstat -c %a data/input.txt net/see\n',
    );
    expect((await only()).output).to.equal('virt-1 c0ffee\ndata\n640\n755\n');
  });

  it('names with spaces, quotes and dollars are names, not shell', async () => {
    await put(`it's $HOME; "x" \`id\``, '#!/bin/sh\nexit 0\n');
    expect(await only()).to.deep.include({ status: 'passed', name: `it's $HOME; "x" \`id\`` });
  });

  it('says so when the interpreter is missing or a signal ended the test', async () => {
    await put('1-interpreter', '#!/no/such/interpreter\n');
    await put('2-signal', '#!/bin/sh\nkill -SEGV $$\n');
    const { tests } = await run();
    expect(tests[0]!.message).to.match(/exit code 12[67]/);
    expect(tests[1]!.message).to.match(/^ended by signal 11/);
  });

  it('ends a test that hangs, on the device, and goes on with the next', async () => {
    await put('1-hang', '#!/bin/sh\necho started\nsleep 300 & echo $! >"$LOCKSTEP_ARTIFACTS/pid"\nwait\n');
    await put('2-next', '#!/bin/sh\nexit 0\n');
    const { tests } = await run({ timeoutMs: 400 });
    expect(tests[0]).to.deep.include({ status: 'failed', message: 'timed out after 0.4 s', output: 'started\n' });
    expect(tests[0]!.ms).to.be.within(400, 4_000);
    expect(tests[1]!.status).to.equal('passed');
    expect(isRunning(await readFile(path.join(results, 'artifacts/pid'), 'utf8'))).to.equal(false);
  });

  it('ends a test that ignores TERM', async () => {
    await put('stubborn', '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 0.1; done\n');
    expect(await only({ timeoutMs: 300, graceMs: 200 })).to.deep.include({
      status: 'failed',
      message: 'timed out after 0.3 s',
    });
  });

  it('does not take a quick exit code 124 for a timeout', async () => {
    await put('test', '#!/bin/sh\nexit 124\n');
    expect((await only()).message).to.equal('exit code 124');
  });

  it('ends the children that a test leaves behind, even in sessions of their own, without waiting for them', async () => {
    const daemon = 'setsid sh -c \'echo $$ >"$LOCKSTEP_ARTIFACTS/daemon"; exec sleep 300\' &\n';
    await put('leaves', `#!/bin/sh\nsleep 300 &\necho $! >"$LOCKSTEP_ARTIFACTS/child"\n${daemon}sleep 0.3\nexit 0\n`);
    const result = await only({ timeoutMs: 60_000 });
    expect(result.status).to.equal('passed');
    expect(result.ms).to.be.below(10_000);
    for (const name of ['child', 'daemon']) {
      const pid = await readFile(path.join(results, 'artifacts', name), 'utf8');
      expect(isRunning(pid), `${name} ${pid}`).to.equal(false);
    }
  });

  it('keeps the last MiB of the output and says that it was cut', async () => {
    await put('loud', '#!/bin/sh\nhead -c 3000000 /dev/zero | tr "\\0" x\necho the end\n');
    const { output } = await only();
    expect(output).to.match(/^\[only the last MiB/);
    expect(output.endsWith('the end\n')).to.equal(true);
    expect(output.length).to.be.below(1024 * 1024 + 100);
  });

  it('fetches artifacts and leaves nothing on the device', async () => {
    await put(
      'test',
      '#!/bin/sh\nmkdir "$LOCKSTEP_ARTIFACTS/shots"\nprintf "a\\000b" >"$LOCKSTEP_ARTIFACTS/shots/1.bin"\n',
    );
    const outcome = await run();
    expect(outcome.artifacts).to.deep.equal(['shots/1.bin']);
    expect(await readFile(path.join(results, 'artifacts/shots/1.bin'), 'latin1')).to.equal('a\0b');
    expect(await readdir(base)).to.deep.equal([]);
  });

  it('saves the journal, or says why there is none', async () => {
    await put('test', '#!/bin/sh\n');
    const { notes } = await run();
    const saved = (await readdir(results)).includes('journal.log');
    expect(saved || notes.some((note) => note.includes('journal')), notes.join()).to.equal(true);
  });

  it('makes cases of TAP points, and one of the program when it says more', async () => {
    await put('1-tap', '#!/bin/sh\necho 1..2\necho "ok 1 - first"\necho "not ok 2 - second"\nexit 1\n');
    await put('2-short', '#!/bin/sh\necho 1..2\necho "ok 1 - first"\n');
    await put('3-lies', '#!/bin/sh\necho 1..1\necho "ok 1 - first"\nexit 3\n');
    const { tests } = await run();
    const cases = tests.flatMap(casesOf).map(({ name, status, message }) => [name, status, message]);
    expect(cases).to.deep.equal([
      ['1-tap / 1 first', 'passed', null],
      ['1-tap / 2 second', 'failed', 'not ok 2 second'],
      ['2-short / 1 first', 'passed', null],
      ['2-short', 'failed', 'planned 2 TAP points, gave 1'],
      ['3-lies / 1 first', 'passed', null],
      ['3-lies', 'failed', 'exit code 3'],
    ]);
    expect(tests.map(({ status }) => status)).to.deep.equal(['failed', 'failed', 'failed']);
  });

  it('is interrupted at once, ends the test on the device and cleans up', async () => {
    await put('long', `#!/bin/sh\necho $$ >${base}/pid\nexec sleep 300\n`);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 700);
    const error = await run({ signal: stop.signal, timeoutMs: 60_000 }).then(
      () => expect.fail('went on'),
      (thrown: { code: string }) => thrown,
    );
    expect(error.code).to.equal('E_INTERRUPTED');
    expect(isRunning(await readFile(path.join(base, 'pid'), 'utf8'))).to.equal(false);
    expect(await readdir(base)).to.deep.equal(['pid']);
  });
});

function isRunning(pid: string): boolean {
  const status = `/proc/${pid.trim()}/status`;
  expect(pid.trim()).to.match(/^[0-9]+$/);
  return existsSync(status) && !readFileSync(status, 'utf8').includes('State:\tZ');
}
