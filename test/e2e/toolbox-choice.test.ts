import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { lockstep } from './lockstep.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];

interface Opened {
  kind?: string;
  code?: string;
  message?: string;
  hint?: string;
  notes: string[];
}

/** Opens a toolbox in a process of its own, started by `prefix`. */
async function tryToolbox(
  root: string,
  choice: string,
  { prefix = [], env = {} }: { prefix?: string[]; env?: Record<string, string> } = {},
): Promise<Opened> {
  const script = path.join(import.meta.dirname, 'try-toolbox.ts');
  const [program = 'node', ...args] = [...prefix, 'node', '--import', 'tsx', script, root, choice];
  const { stdout } = await execa(program, args, { env, stdin: 'ignore', timeout: 10 * 60_000 });
  return JSON.parse(stdout.split('\n').at(-1) ?? '') as Opened;
}

/** Runs what follows in a mount namespace in which `script` has mounted something. */
function behind(script: string): string[] {
  return ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-euc', `${script}; exec "$@"`, 'sh'];
}

describe('choosing the toolbox', function () {
  this.timeout(15 * 60_000);
  let root: string;

  before(async () => {
    root = await temporaryDirectory('choice');
    await chmod(root, 0o777);
    await (await openFor(root, 'docker')).close();
  });

  it('takes the Docker engine where one answers, and says so', async () => {
    const { kind, notes } = await tryToolbox(root, 'auto');
    expect(kind).to.equal('docker');
    expect(notes.join()).to.match(/^toolbox: Docker engine \d.* lockstep-builder:[0-9a-f]{12}$/);
  });

  it('takes this host where no engine answers, and says so', async () => {
    const { kind, notes } = await tryToolbox(root, 'auto', { env: noEngine });
    expect(kind).to.equal('host');
    expect(notes).to.deep.equal(['toolbox: this host, as root']);
  });

  it('fails with both reasons where there is neither an engine nor root', async () => {
    const { code, message, hint } = await tryToolbox(root, 'auto', { prefix: nobody, env: noEngine });
    expect(code).to.equal('E_TOOLBOX_NONE');
    expect(message).to.contain('/nonexistent/docker.sock').and.to.contain('it wants root');
    expect(hint).to.contain('lockstep doctor');
  });

  it('fails with both reasons where there is neither an engine nor ostree', async () => {
    const prefix = behind('mount --bind /dev/null /usr/bin/ostree');
    const { code, message } = await tryToolbox(root, 'auto', { prefix, env: noEngine });
    expect(code).to.equal('E_TOOLBOX_NONE');
    expect(message).to.contain('it lacks ostree (apt-get install ostree)');
  });

  it('says to a user without the group docker what is wanting', async () => {
    const { code, message } = await tryToolbox(root, 'docker', { prefix: nobody });
    expect(code).to.equal('E_TOOLBOX_ENGINE');
    expect(message).to.contain('group docker');
  });

  it('does not fall back when a toolbox was named', async () => {
    expect((await tryToolbox(root, 'docker', { env: noEngine })).code).to.equal('E_TOOLBOX_ENGINE');
    expect((await tryToolbox(root, 'host', { prefix: nobody })).code).to.equal('E_TOOLBOX_TOOL');
  });

  it('refuses an engine that sees another directory under the project’s path', async () => {
    await mkdir(path.join(root, '.lockstep'), { recursive: true });
    const { code, message } = await tryToolbox(root, 'docker', { prefix: behind(`mount -t tmpfs none ${root}`) });
    expect(code).to.equal('E_TOOLBOX_MOUNT');
    expect(message).to.contain(root);
  });

  it('refuses an engine that sees nothing under the project’s path', async () => {
    const parent = await temporaryDirectory('unseen');
    const prefix = behind(`mount -t tmpfs none ${parent}; mkdir ${parent}/project`);
    const { code } = await tryToolbox(`${parent}/project`, 'docker', { prefix });
    expect(code).to.equal('E_TOOLBOX_MOUNT');
  });
});

describe('lockstep doctor', function () {
  this.timeout(60_000);

  interface Check {
    name: string;
    ok: boolean;
    remedy: string | null;
  }

  it('finds both toolboxes here, without a lockstep.yml', async () => {
    const { exitCode, outcome } = await lockstep(await temporaryDirectory('doctor'), ['doctor']);
    expect(exitCode).to.equal(0);
    expect(outcome.message).to.equal('toolboxes that work here: docker, host');
    const checks = outcome.checks as Check[];
    expect(checks.filter(({ ok, name }) => !ok && name !== 'builder image')).to.deep.equal([]);
    expect(checks.map(({ name }) => name)).to.include.members(['Node.js', 'Docker engine', 'ostree', 'disk space']);
  });

  it('is content with one toolbox, and says how to mend the other', async () => {
    const { exitCode, outcome } = await lockstep(await temporaryDirectory('doctor'), ['doctor'], noEngine);
    expect(exitCode).to.equal(0);
    const engine = (outcome.checks as Check[]).find(({ name }) => name === 'Docker engine');
    expect(engine?.ok).to.equal(false);
    expect(engine?.remedy).to.contain('apt-get install docker.io');
  });
});
