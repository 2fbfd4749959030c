import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { type Controller, startController } from '../jenkins/controller.ts';
import {
  commitFiles,
  git,
  makeRepositories,
  type Repositories,
  remoteBranches,
  stateOf,
} from '../refresh/repositories.ts';

const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');
const branch = 'lockstep/refresh';

/** `lockstep refresh` as the nightly job runs it: the agent's bundle, real git, the real archive. */
describe('lockstep refresh', function () {
  this.timeout(120_000);
  let at: Repositories;
  let controller: Controller;

  beforeEach(async () => {
    at = await makeRepositories();
    controller = await startController({ credentials: 'night:secret-token', crumb: 'wanted', build: ['building'] });
  });
  afterEach(() => Promise.all([controller.close(), at.remove()]));

  async function configure(refresh: object): Promise<void> {
    const images = { panel: { arch: 'armhf', suites: ['bookworm'], packages: ['dash'] } };
    await commitFiles(at.clone, { 'lockstep.yml': JSON.stringify({ images, refresh }), '.gitignore': '.lockstep/\n' });
    await git(at.clone, 'rm', '--quiet', 'panel.lock');
    await git(at.clone, 'commit', '--quiet', '-m', 'No lockfile yet');
    await git(at.clone, 'push', '--quiet', 'origin', 'main');
  }

  async function refresh() {
    const author = 'Night Job <night@example.org>';
    const argv = [agent, 'refresh', '-C', at.clone, '--json', '--toolbox', 'host', '--author', author];
    const { exitCode, stdout, stderr } = await execa(process.execPath, argv, {
      reject: false,
      env: { LOCKSTEP_JENKINS_USER: 'night', LOCKSTEP_JENKINS_TOKEN: 'secret-token' },
    });
    expect(`${stdout}${stderr}`).not.to.contain('secret-token');
    return { exitCode, outcome: JSON.parse(stdout) };
  }

  it('pushes a branch with the lockfile that the archive gives now, once', async () => {
    await configure({ gate: 'none' });
    const before = await stateOf(at.clone, at.lockfile);
    const first = await refresh();
    expect(first).to.deep.include({ exitCode: 0 });
    expect(first.outcome).to.include({ outcome: 'ok', pushed: true, branch });
    const lockfile = await git(at.bare, 'show', `${branch}:panel.lock`);
    const names = parseLockfile(`${lockfile}\n`, 'panel.lock').packages.map((entry) => entry.package);
    expect(names).to.include('dash');
    const subject = await git(at.bare, 'show', '--no-patch', '--format=%s by %an', branch);
    expect(subject).to.equal(`Refresh panel: ${names.length} added by Night Job`);
    expect(await stateOf(at.clone, at.lockfile)).to.deep.equal(before);

    const second = await refresh();
    expect(second.outcome).to.include({ outcome: 'unchanged', commit: first.outcome.commit, pushed: false });
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(first.outcome.commit);
  });

  it('lets a Jenkins job judge, and pushes nothing when it fails', async () => {
    await configure({ gate: { jenkins: controller.url, job: 'images/gate' } });
    controller.behaviour.result = 'FAILURE';
    const { exitCode, outcome } = await refresh();
    expect(exitCode).to.equal(1);
    expect(outcome).to.include({ outcome: 'failed', code: 'E_JENKINS_BUILD', pushed: false });
    expect(controller.triggered).to.deep.equal([
      { LOCKSTEP_BRANCH: `${branch}-candidate`, LOCKSTEP_COMMIT: outcome.commit },
    ]);
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
  });

  it('refuses a checkout with changes and leaves it as it is', async () => {
    await configure({ gate: 'none' });
    await writeFile(path.join(at.clone, 'notes.txt'), 'mine\n');
    const before = await stateOf(at.clone, at.lockfile);
    const { exitCode, outcome } = await refresh();
    expect(exitCode).to.equal(1);
    expect(outcome).to.include({ code: 'E_REFRESH_DIRTY' });
    expect(outcome.message).to.contain('notes.txt');
    expect(await stateOf(at.clone, at.lockfile)).to.deep.equal(before);
  });
});
