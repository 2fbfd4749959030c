import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { dispatcher } from '../../src/emulation/dispatcher.ts';
import { dispatchDir } from '../../src/emulation/layout.ts';

describe('the dispatcher, run as the kernel runs an interpreter', () => {
  let file: string;

  before(async () => {
    file = path.join(await mkdtemp(path.join(tmpdir(), 'lockstep-dispatcher-')), 'dispatcher');
    await writeFile(file, dispatcher(), { mode: 0o755 });
  });

  after(() => rm(path.dirname(file), { recursive: true }));

  /** With the flag P: `[interpreter, path of the program, argv[0], arguments…]`. */
  const dispatch = (twin: string, argv: string[], env: Record<string, string> = {}) =>
    execa(file, ['/usr/bin/armhf-program', ...argv], {
      argv0: `${dispatchDir}${twin}`,
      env,
      extendEnv: false,
      reject: false,
      timeout: 10_000,
    });

  it('executes the twin with the argv[0] and the arguments that the program was given, empty ones too', async () => {
    const given = ['not-its-name', '/proc/self/cmdline', '', 'two words', 'ü'];
    const { stdout } = await dispatch('/usr/bin/cat', given);
    expect(stdout.split('\0').slice(0, -1)).to.deep.equal(given);
  });

  it('hands on the environment as it is', async () => {
    const env = { LC_ALL: 'C.UTF-8', EMPTY: '', SPACED: 'a b' };
    const { stdout } = await dispatch('/usr/bin/cat', ['cat', '/proc/self/environ'], env);
    expect(stdout.split('\0').slice(0, -1)).to.have.members(Object.entries(env).map((pair) => pair.join('=')));
  });

  it('becomes the twin, so that exit codes and /proc/self/exe are its own', async () => {
    const script = 'readlink /proc/$$/exe; exit 3';
    const { stdout, exitCode } = await dispatch('/bin/bash', ['bash', '-c', script]);
    expect(path.basename(stdout)).to.equal('bash');
    expect(exitCode).to.equal(3);
  });

  it('hands on as many arguments as a command line holds', async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `argument-${index}`);
    const { stdout } = await dispatch('/bin/bash', ['bash', '-c', 'echo $# $0 ${!#}', 'zero', ...words]);
    expect(stdout).to.equal('20000 zero argument-19999');
  });

  it('ends with 127 where there is no twin, as a shell does', async () => {
    expect((await dispatch('/no/such/twin', ['twin'])).exitCode).to.equal(127);
  });
});
