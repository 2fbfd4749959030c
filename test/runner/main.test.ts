import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';

const root = path.resolve(import.meta.dirname, '../..');

/** Test files, each of another fate. */
const files = {
  good: `describe('good', () => { it('one', () => {}); it('two', () => {}); it.skip('three', () => {}); });`,
  other: `describe('other', () => { it('one', () => {}); });`,
  bad: `describe('bad', () => { it('one', () => {}); it('two', () => { throw new Error('it is bad'); }); });`,
  killed: `describe('killed', () => { it('one', () => {}); it('two', () => process.kill(process.pid, 'SIGKILL')); });`,
  empty: 'export {};',
  slow: `describe('slow', () => { it('sleeps', function (done) { this.timeout(60_000);
    require('node:child_process').spawn('sleep', ['54321'], { detached: true, stdio: 'ignore' });
    console.error('asleep');
    require('node:fs').mkdtempSync(require('node:os').tmpdir() + '/left-'); }); });`,
};

describe('running test files in processes of their own', function () {
  this.timeout(60_000);
  let dir: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'runner-'));
    await mkdir(path.join(dir, 'tmp'));
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(dir, `${name}.cjs`), text);
  });
  after(() => rm(dir, { recursive: true }));

  const start = (...names: (keyof typeof files)[]) => {
    const argv = ['--import', 'tsx', 'test/runner/main.ts', ...names.map((name) => path.join(dir, `${name}.cjs`))];
    return execa('node', argv, { cwd: root, reject: false, env: { TMPDIR: path.join(dir, 'tmp') } });
  };
  const leftovers = () => readdir(path.join(dir, 'tmp')).then((names) => names.filter((name) => !/^tsx-/.test(name)));

  it('ends with one summary of them all, and well when all went well', async () => {
    const { exitCode, stdout } = await start('good', 'other');
    expect(exitCode, stdout).to.equal(0);
    expect(stdout).to.match(/\n {2}3 passing .*\n {2}1 pending\n\n3 passed, 0 failed$/);
    expect(await leftovers()).to.deep.equal([]);
  });

  it('fails when one test does, and when a process was killed or had no tests', async () => {
    const { exitCode, stdout } = await start('bad', 'killed', 'empty', 'good');
    expect(exitCode).to.equal(1);
    expect(stdout)
      .to.contain('Error: it is bad')
      .and.to.match(/killed\.cjs:\n.*ended with SIGKILL before its tests/);
    expect(stdout)
      .to.match(/empty\.cjs:\n.*there is no test in it/)
      .and.match(/\n3 passed, 3 failed$/);
  });

  it('ends all that runs, and takes all away that lies there, when it is interrupted', async () => {
    const running = start('slow');
    while (!(await readdir(path.join(dir, 'tmp'), { recursive: true })).some((name) => name.includes('/left-')))
      await sleep(100);
    running.kill('SIGINT');
    const { exitCode, stdout } = await running;
    expect(exitCode, stdout).to.equal(130);
    expect(stdout).to.contain('asleep').and.to.contain('interrupted by SIGINT');
    expect(stdout).to.match(/left behind: process \d+: sleep 54321/);
    expect(await leftovers()).to.deep.equal([]);
  });
});
