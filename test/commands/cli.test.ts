import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { lockProject } from '../../src/commands/lock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { catalogue } from '../../src/errors/index.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('the command line', function () {
  this.timeout(20_000);
  let dir: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-cli-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const lockstep = (...args: string[]) =>
    execa('node', ['--import', 'tsx', path.join(root, 'src/cli.ts'), ...args], { cwd: root, reject: false });

  it('says where it looked when there is no lockstep.yml, in one JSON object and with exit code 2', async () => {
    const { exitCode, stdout, stderr } = await lockstep('build', '-C', dir, '--json');
    expect(exitCode).to.equal(2);
    expect(JSON.parse(stdout)).to.deep.include({ outcome: 'failed', code: 'E_CONFIG_MISSING' });
    expect(stderr).to.contain(dir).and.to.not.contain('    at ');
  });

  it('ends when all that it says is taken, however slowly', async () => {
    const lockfile = async (name: string, version: string) => {
      const stanza = (_: unknown, index: number) =>
        [`Package: p${index}`, `Version: ${version}`, 'Architecture: armhf', `Filename: pool/p${index}.deb`, 'Size: 1']
          .concat(`SHA256: ${createHash('sha256').update(`${version} ${index}`).digest('hex')}\n`)
          .join('\n');
      await writeFile(path.join(dir, name), Array.from({ length: 5000 }, stanza).join('\n'));
      return path.join(dir, name);
    };
    const files = [await lockfile('before.lock', '1.0'), await lockfile('after.lock', '2.0')];
    const diffing = lockstep('diff', ...files, '-C', dir, '--json');
    diffing.stdout.pause();
    await sleep(2_000);
    diffing.stdout.resume();
    const { stdout } = await diffing;
    expect(stdout.length).to.be.above(1_000_000);
    expect(JSON.parse(stdout).images[0].changes).to.have.length(5000);
  });

  it('suggests the nearest verb', async () => {
    const { exitCode, stderr } = await lockstep('biuld');
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('E_USAGE').and.to.contain('did you mean "build"?');
  });

  it('refuses a flag that does not exist', async () => {
    const { exitCode, stderr } = await lockstep('explain', '--jsno');
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain("unknown option '--jsno'\n  hint: did you mean --json?");
  });

  it('takes common flags before the verb as well as after it', async () => {
    const { stdout } = await lockstep('--json', 'explain', 'E_USAGE');
    expect(JSON.parse(stdout).explained).to.deep.include({ code: 'E_USAGE', exit: 2 });
  });

  it('suggests the nearest code when one is misspelt', async () => {
    const { exitCode, stderr } = await lockstep('explain', 'E_LOCK_STAEL');
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('did you mean E_LOCK_STALE?');
  });

  it('writes a lockstep.yml that it accepts itself, and never over one that is there', async () => {
    const first = await lockstep('init', '-C', dir);
    expect(first.exitCode, first.stderr).to.equal(0);
    const file = path.join(dir, 'lockstep.yml');
    expect(parseConfig(file, await readFile(file, 'utf8')).images.map(({ name }) => name)).to.deep.equal(['panel']);
    const second = await lockstep('init', '-C', dir);
    expect(second.exitCode).to.equal(2);
    expect(second.stderr).to.contain('exists already');
  });

  it('names the image that there is when another is asked for', async () => {
    const project = path.join(dir, 'project');
    await mkdir(project);
    await writeFile(
      path.join(project, 'lockstep.yml'),
      'images: {panel: {arch: armhf, suites: [bookworm], packages: [dash]}}\n',
    );
    const { exitCode, stderr } = await lockstep('build', '-C', project, '--image', 'panle');
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('E_NO_SUCH_IMAGE').and.to.contain('did you mean panel?');
  });
});

describe('the lock of a project', () => {
  let dir: string;
  const workspace = () => workspaceOf(dir);

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-lock-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('keeps a second agent out and names the first', async () => {
    const unlock = await lockProject(workspace(), 'build');
    const error = await lockProject(workspace(), 'deploy').then(
      () => null,
      (thrown) => thrown,
    );
    expect(error?.code).to.equal('E_BUSY');
    expect(error.message).to.contain(`build, process ${process.pid}`);
    await unlock();
    await (await lockProject(workspace(), 'deploy'))();
  });

  it('is taken over from an agent that is gone', async () => {
    await mkdir(workspace().dir);
    await writeFile(
      path.join(workspace().dir, 'lock'),
      JSON.stringify({ pid: process.pid, startTime: '1', verb: 'build' }),
    );
    await (await lockProject(workspace(), 'deploy'))();
  });
});

describe('the catalogue of errors', () => {
  it('says for every code that the sources name what it means and what to do', async () => {
    const { stdout } = await execa('git', ['grep', '-hoE', "'E_[A-Z_]*[A-Z]'", '--', 'src'], { cwd: root });
    const named = new Set(stdout.split('\n').map((quoted) => quoted.slice(1, -1)));
    expect([...named].filter((code) => !Object.hasOwn(catalogue, code))).to.deep.equal([]);
    for (const [code, { meaning, remedy }] of Object.entries(catalogue)) {
      expect(meaning, code).to.match(/\.$/s);
      expect(remedy, code).to.match(/\.$/s);
    }
  });

  it('has each code in one of its files', async () => {
    const { stdout } = await execa('git', ['grep', '-hoE', '^  E_[A-Z_]+:', '--', 'src/errors/codes'], { cwd: root });
    const codes = stdout.split('\n').map((line) => line.trim().slice(0, -1));
    expect(codes.sort()).to.deep.equal(Object.keys(catalogue).sort());
  });
});
