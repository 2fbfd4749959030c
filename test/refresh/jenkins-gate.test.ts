import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { silent } from '../../src/progress/progress.ts';
import { jenkinsGate } from '../../src/refresh/jenkins-gate.ts';
import { refresh } from '../../src/refresh/refresh.ts';
import { type Controller, startController } from '../jenkins/controller.ts';
import { environment, git, makeRepositories, type Repositories, remoteBranches, stateOf } from './repositories.ts';

describe('refresh gated by a Jenkins job', () => {
  let at: Repositories;
  let controller: Controller;

  beforeEach(async () => {
    at = await makeRepositories();
    controller = await startController({ credentials: 'night:token', crumb: 'wanted' });
  });
  afterEach(() => Promise.all([controller.close(), at.remove()]));

  async function run(result: string) {
    controller.behaviour.result = result;
    const withSecrets = { ...environment, LOCKSTEP_JENKINS_USER: 'night', LOCKSTEP_JENKINS_TOKEN: 'token' };
    const common = { progress: silent, signal: new AbortController().signal, environment: withSecrets };
    return refresh({
      root: at.clone,
      settings: { branch: 'lockstep/refresh', base: 'main', remote: 'origin' },
      lockfiles: [at.lockfile],
      author: null,
      update: async () => {
        await writeFile(at.lockfile, 'new\n');
        return [{ name: 'panel', lockfile: at.lockfile, changes: [] }];
      },
      gate: jenkinsGate({
        url: controller.url,
        job: 'images/gate',
        remote: 'origin',
        branch: 'lockstep/refresh',
        ...common,
      }),
      ...common,
    });
  }

  it('tells the job which branch and commit to judge, and pushes when it succeeds', async () => {
    const result = await run('SUCCESS');
    expect(result).to.include({ outcome: 'ok', pushed: true });
    const expected = { LOCKSTEP_BRANCH: 'lockstep/refresh-candidate', LOCKSTEP_COMMIT: result.commit };
    expect(controller.triggered).to.deep.equal([expected]);
    expect(await remoteBranches(at.bare)).to.deep.equal(['lockstep/refresh', 'main']);
    expect(await git(at.bare, 'rev-parse', 'lockstep/refresh')).to.equal(result.commit);
  });

  it('pushes nothing when the build fails, and names its address', async () => {
    const before = await stateOf(at.clone, at.lockfile);
    const result = await run('FAILURE');
    expect(result).to.include({ outcome: 'failed', code: 'E_JENKINS_BUILD', pushed: false });
    expect(result.message).to.contain(`${controller.url}/job/images/job/gate/12/`);
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
    expect(await stateOf(at.clone, at.lockfile)).to.deep.equal(before);
  });

  it('is unstable when the build is', async () => {
    expect(await run('UNSTABLE')).to.include({ outcome: 'unstable', code: 'E_TESTS_FAILED', pushed: false });
  });

  it('replaces a candidate that an interrupted refresh left behind', async () => {
    await git(at.clone, 'push', '--quiet', 'origin', 'HEAD:refs/heads/lockstep/refresh-candidate');
    expect(await run('SUCCESS')).to.include({ outcome: 'ok' });
    expect(await remoteBranches(at.bare)).to.deep.equal(['lockstep/refresh', 'main']);
  });
});
