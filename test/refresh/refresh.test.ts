import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { GateResult, RefreshOptions } from '../../src/refresh/refresh.ts';
import { refusal } from '../refusal.ts';
import { branch, newLock, passed, refreshedProject } from './refreshed-project.ts';
import { commitFiles, environment, git, pushElsewhere, remoteBranches } from './repositories.ts';

describe('refresh', () => {
  const project = refreshedProject();

  it('pushes one commit on top of the base that holds the new lockfile and tells the changes', async () => {
    const before = await project.state();
    const result = await project.refresh();
    expect(result).to.include({ outcome: 'ok', code: null, pushed: true, branch, base: before.commit });
    expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(result.commit);
    expect(await git(project.at.bare, 'rev-parse', `${branch}~1`)).to.equal(before.commit);
    expect(await git(project.at.bare, 'show', '--no-patch', '--format=%B', branch)).to.equal(
      'Refresh panel: 1 upgraded, 1 added\n\n- a 1 -> 2\n- b 7 (added)',
    );
    expect(await git(project.at.bare, 'show', `${branch}:panel.lock`)).to.equal(newLock.trimEnd());
    expect(await project.state()).to.deep.equal(before);
  });

  it('starts from the base as the remote has it now, not from what is checked out', async () => {
    const base = await pushElsewhere(project.at, 'main', { 'new.txt': 'x\n' });
    const before = await project.state();
    const result = await project.refresh();
    expect(result.base).to.equal(base);
    expect(await git(project.at.bare, 'rev-parse', `${branch}~1`)).to.equal(base);
    expect(await project.state()).to.deep.equal(before);
  });

  it('does nothing when the lockfile stays as it was', async () => {
    const before = await project.state();
    let gated = false;
    const gate = async () => {
      gated = true;
      return passed;
    };
    const result = await project.refresh({ update: project.updateTo('Package: a\nVersion: 1\n'), gate });
    expect(result).to.include({ outcome: 'unchanged', commit: null, pushed: false });
    expect(gated).to.equal(false);
    expect(await remoteBranches(project.at.bare)).to.deep.equal(['main']);
    expect(await project.state()).to.deep.equal(before);
  });

  it('is unchanged a second time, for the branch already proposes the same on the same base', async () => {
    const first = await project.refresh();
    const second = await project.refresh();
    expect(second).to.include({ outcome: 'unchanged', pushed: false, commit: first.commit });
    expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(first.commit);
  });

  describe('with a gate whose build locks numbers of users and records trees of debs', () => {
    const gate = async () => {
      await writeFile(path.join(project.at.clone, 'panel.passwd'), 'root:x:0:0\n');
      await writeFile(path.join(project.at.clone, 'panel.trees'), '# lockstep trees 1\n');
      return passed;
    };

    it('pushes them in a commit of their own, on top of the one that was judged', async () => {
      const before = await project.state();
      let judged = '';
      const result = await project.refresh({
        gate: async (candidate) => {
          judged = candidate.commit;
          return gate();
        },
      });
      expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(result.commit);
      expect(await git(project.at.bare, 'rev-parse', `${branch}~1`)).to.equal(judged);
      expect(await git(project.at.bare, 'diff', '--name-only', `${branch}~1`, branch)).to.equal(
        'panel.passwd\npanel.trees',
      );
      expect(await project.state()).to.deep.equal(before);
    });

    it('is unchanged a second time', async () => {
      const first = await project.refresh({ gate });
      expect(await project.refresh({ gate })).to.include({
        outcome: 'unchanged',
        pushed: false,
        commit: first.commit,
      });
    });

    it('leaves the checkout as it was when the candidate is not good enough', async () => {
      await commitFiles(project.at.clone, { 'panel.passwd': 'root:x:0:1\n' });
      await git(project.at.clone, 'push', '--quiet', 'origin', 'main');
      const before = await project.state();
      const failed = { ...passed, outcome: 'failed' as const };
      const result = await project.refresh({ gate: async () => ({ ...(await gate()), ...failed }) });
      expect(result).to.include({ outcome: 'failed', pushed: false });
      expect(await project.state()).to.deep.equal(before);
    });
  });

  it('carries the record of where packages come from, which alone is no reason for another proposal', async () => {
    const record = path.join(project.at.clone, 'panel.provenance');
    const recording = (text: string) => async () => {
      await writeFile(record, text);
      return project.updateTo(newLock)();
    };
    await project.refresh({ update: recording('Lockfile-SHA256: 1\n') });
    expect(await git(project.at.bare, 'show', `${branch}:panel.provenance`)).to.equal('Lockfile-SHA256: 1');
    expect(await readFile(record, 'utf8').catch(() => null)).to.equal(null);
    const again = await project.refresh({ update: recording('Lockfile-SHA256: 2\n') });
    expect([again.outcome, again.pushed]).to.deep.equal(['unchanged', false]);
  });

  it('replaces an older proposal when the base has moved', async () => {
    const first = await project.refresh();
    const base = await pushElsewhere(project.at, 'main', { 'new.txt': 'x\n' });
    const second = await project.refresh();
    expect(second).to.include({ outcome: 'ok', pushed: true, base });
    expect(second.commit).not.to.equal(first.commit);
    expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(second.commit);
  });

  for (const [outcome, code] of [
    ['failed', 'E_CONFIGURE'],
    ['unstable', 'E_TESTS_FAILED'],
  ] as const) {
    it(`does not push what the gate calls ${outcome}, and ends with the gate's code`, async () => {
      const before = await project.state();
      const gate = async (): Promise<GateResult> => ({ outcome, code, message: 'no good', hint: 'mend it' });
      const result = await project.refresh({ gate });
      expect(result).to.include({ outcome, code, pushed: false, hint: 'mend it' });
      expect(result.message).to.match(/not pushed.*no good/);
      expect(await remoteBranches(project.at.bare)).to.deep.equal(['main']);
      expect(await project.state()).to.deep.equal(before);
    });
  }

  it('shows the gate the candidate, checked out', async () => {
    const gate: RefreshOptions['gate'] = async ({ commit }) => {
      expect(await git(project.at.clone, 'rev-parse', 'HEAD')).to.equal(commit);
      expect(await readFile(project.at.lockfile, 'utf8')).to.equal(newLock);
      return passed;
    };
    expect(await project.refresh({ gate })).to.include({ outcome: 'ok' });
  });

  it('overwrites nothing when somebody pushes to the branch meanwhile', async () => {
    const before = await project.state();
    let theirs = '';
    const gate = async () => {
      theirs = await pushElsewhere(project.at, branch, { 'panel.lock': 'theirs\n' });
      return passed;
    };
    await refusal(project.refresh({ gate }), 'E_REFRESH_RACE');
    expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(theirs);
    expect(await project.state()).to.deep.equal(before);
  });

  it('overwrites nothing when the branch that it saw moves meanwhile', async () => {
    await pushElsewhere(project.at, branch, { 'panel.lock': 'old proposal\n' });
    let theirs = '';
    const gate = async () => {
      theirs = await pushElsewhere(project.at, branch, { 'panel.lock': 'theirs\n' });
      return passed;
    };
    await refusal(project.refresh({ gate }), 'E_REFRESH_RACE');
    expect(await git(project.at.bare, 'rev-parse', branch)).to.equal(theirs);
  });

  it('commits as the author that it is given', async () => {
    const bare: NodeJS.ProcessEnv = { PATH: environment.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };
    await project.refresh({ environment: bare, author: { name: 'Night Job', email: 'night@example.org' } });
    const names = await git(project.at.bare, 'show', '--no-patch', '--format=%an <%ae> %cn', branch);
    expect(names).to.equal('Night Job <night@example.org> Night Job');
  });

  it('says which remote it could not fetch', async () => {
    await git(project.at.clone, 'remote', 'set-url', 'origin', path.join(project.at.dir, 'gone.git'));
    expect((await refusal(project.refresh(), 'E_GIT')).message).to.match(/gone\.git/);
  });
});
