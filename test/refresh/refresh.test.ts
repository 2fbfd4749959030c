import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import { type GateResult, type RefreshOptions, refresh } from '../../src/refresh/refresh.ts';
import {
  commitFiles,
  environment,
  git,
  makeRepositories,
  pushElsewhere,
  type Repositories,
  remoteBranches,
  stateOf,
} from './repositories.ts';

const newLock = 'Package: a\nVersion: 2\n';
const branch = 'lockstep/refresh';
const passed: GateResult = { outcome: 'ok', code: null, message: 'all well', hint: null };

describe('refresh', () => {
  let at: Repositories;

  beforeEach(async () => {
    at = await makeRepositories();
  });
  afterEach(() => at.remove());

  const options = (changes: Partial<RefreshOptions> = {}): RefreshOptions => ({
    root: at.clone,
    settings: { branch, base: 'main', remote: 'origin' },
    lockfiles: [at.lockfile],
    author: null,
    update: updateTo(newLock),
    gate: async () => passed,
    progress: silent,
    signal: new AbortController().signal,
    environment,
    ...changes,
  });

  const updateTo = (text: string) => async () => {
    await writeFile(at.lockfile, text);
    const changes = [
      { package: 'a', from: '1', to: '2', kind: 'upgraded' },
      { package: 'b', from: null, to: '7', kind: 'added' },
    ];
    return [{ name: 'panel', lockfile: at.lockfile, changes }];
  };

  const state = () => stateOf(at.clone, at.lockfile);

  async function codeOf(work: Promise<unknown>): Promise<string> {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error instanceof LockstepError) return error.code;
    throw error ?? new Error('It did not fail');
  }

  it('pushes one commit on top of the base that holds the new lockfile and tells the changes', async () => {
    const before = await state();
    const result = await refresh(options());
    expect(result).to.include({ outcome: 'ok', code: null, pushed: true, branch, base: before.commit });
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(result.commit);
    expect(await git(at.bare, 'rev-parse', `${branch}~1`)).to.equal(before.commit);
    expect(await git(at.bare, 'show', '--no-patch', '--format=%B', branch)).to.equal(
      'Refresh panel: 1 upgraded, 1 added\n\n- a 1 -> 2\n- b 7 (added)',
    );
    expect(await git(at.bare, 'show', `${branch}:panel.lock`)).to.equal(newLock.trimEnd());
    expect(await state()).to.deep.equal(before);
  });

  it('starts from the base as the remote has it now, not from what is checked out', async () => {
    const base = await pushElsewhere(at, 'main', { 'new.txt': 'x\n' });
    const before = await state();
    const result = await refresh(options());
    expect(result.base).to.equal(base);
    expect(await git(at.bare, 'rev-parse', `${branch}~1`)).to.equal(base);
    expect(await state()).to.deep.equal(before);
  });

  it('does nothing when the lockfile stays as it was', async () => {
    const before = await state();
    let gated = false;
    const gate = async () => {
      gated = true;
      return passed;
    };
    const result = await refresh(options({ update: updateTo('Package: a\nVersion: 1\n'), gate }));
    expect(result).to.include({ outcome: 'unchanged', commit: null, pushed: false });
    expect(gated).to.equal(false);
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
    expect(await state()).to.deep.equal(before);
  });

  it('is unchanged a second time, for the branch already proposes the same on the same base', async () => {
    const first = await refresh(options());
    const second = await refresh(options());
    expect(second).to.include({ outcome: 'unchanged', pushed: false, commit: first.commit });
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(first.commit);
  });

  describe('with a gate whose build locks numbers of users and records trees of debs', () => {
    const gate = async () => {
      await writeFile(path.join(at.clone, 'panel.passwd'), 'root:x:0:0\n');
      await writeFile(path.join(at.clone, 'panel.trees'), '# lockstep trees 1\n');
      return passed;
    };

    it('pushes them in a commit of their own, on top of the one that was judged', async () => {
      const before = await state();
      let judged = '';
      const result = await refresh(
        options({
          gate: async (candidate) => {
            judged = candidate.commit;
            return gate();
          },
        }),
      );
      expect(await git(at.bare, 'rev-parse', branch)).to.equal(result.commit);
      expect(await git(at.bare, 'rev-parse', `${branch}~1`)).to.equal(judged);
      expect(await git(at.bare, 'diff', '--name-only', `${branch}~1`, branch)).to.equal('panel.passwd\npanel.trees');
      expect(await state()).to.deep.equal(before);
    });

    it('is unchanged a second time', async () => {
      const first = await refresh(options({ gate }));
      expect(await refresh(options({ gate }))).to.include({
        outcome: 'unchanged',
        pushed: false,
        commit: first.commit,
      });
    });

    it('leaves the checkout as it was when the candidate is not good enough', async () => {
      await commitFiles(at.clone, { 'panel.passwd': 'root:x:0:1\n' });
      await git(at.clone, 'push', '--quiet', 'origin', 'main');
      const before = await state();
      const failed = { ...passed, outcome: 'failed' as const };
      const result = await refresh(options({ gate: async () => ({ ...(await gate()), ...failed }) }));
      expect(result).to.include({ outcome: 'failed', pushed: false });
      expect(await state()).to.deep.equal(before);
    });
  });

  it('carries the record of where packages come from, which alone is no reason for another proposal', async () => {
    const record = path.join(at.clone, 'panel.provenance');
    const recording = (text: string) => async () => {
      await writeFile(record, text);
      return updateTo(newLock)();
    };
    await refresh(options({ update: recording('Lockfile-SHA256: 1\n') }));
    expect(await git(at.bare, 'show', `${branch}:panel.provenance`)).to.equal('Lockfile-SHA256: 1');
    expect(await readFile(record, 'utf8').catch(() => null)).to.equal(null);
    const again = await refresh(options({ update: recording('Lockfile-SHA256: 2\n') }));
    expect([again.outcome, again.pushed]).to.deep.equal(['unchanged', false]);
  });

  it('replaces an older proposal when the base has moved', async () => {
    const first = await refresh(options());
    const base = await pushElsewhere(at, 'main', { 'new.txt': 'x\n' });
    const second = await refresh(options());
    expect(second).to.include({ outcome: 'ok', pushed: true, base });
    expect(second.commit).not.to.equal(first.commit);
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(second.commit);
  });

  it('refuses a checkout with changes, before it touches anything', async () => {
    await writeFile(path.join(at.clone, 'lockstep.yml'), 'changed\n');
    const before = await state();
    expect(await codeOf(refresh(options()))).to.equal('E_REFRESH_DIRTY');
    expect(await state()).to.deep.equal(before);
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
  });

  it('commits nothing when more than lockfiles changed, and keeps what it does not know', async () => {
    const before = await state();
    const update = async () => {
      const images = await updateTo(newLock)();
      await writeFile(path.join(at.clone, 'stray.txt'), 'x\n');
      return images;
    };
    expect(await codeOf(refresh(options({ update })))).to.equal('E_REFRESH_DIRTY');
    expect(await readFile(path.join(at.clone, 'stray.txt'), 'utf8')).to.equal('x\n');
    await rm(path.join(at.clone, 'stray.txt'));
    expect(await state()).to.deep.equal(before);
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
  });

  it('leaves the caches in .lockstep alone, even where git does not ignore it', async () => {
    const cache = path.join(at.clone, '.lockstep', 'repo');
    await mkdir(path.dirname(cache));
    await writeFile(cache, 'cache');
    expect(await refresh(options())).to.include({ outcome: 'ok' });
    expect(await readFile(cache, 'utf8')).to.equal('cache');
  });

  for (const [outcome, code] of [
    ['failed', 'E_CONFIGURE'],
    ['unstable', 'E_TESTS_FAILED'],
  ] as const) {
    it(`does not push what the gate calls ${outcome}, and ends with the gate's code`, async () => {
      const before = await state();
      const gate = async (): Promise<GateResult> => ({ outcome, code, message: 'no good', hint: 'mend it' });
      const result = await refresh(options({ gate }));
      expect(result).to.include({ outcome, code, pushed: false, hint: 'mend it' });
      expect(result.message).to.match(/not pushed.*no good/);
      expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
      expect(await state()).to.deep.equal(before);
    });
  }

  it('shows the gate the candidate, checked out', async () => {
    const gate: RefreshOptions['gate'] = async ({ commit }) => {
      expect(await git(at.clone, 'rev-parse', 'HEAD')).to.equal(commit);
      expect(await readFile(at.lockfile, 'utf8')).to.equal(newLock);
      return passed;
    };
    expect(await refresh(options({ gate }))).to.include({ outcome: 'ok' });
  });

  it('overwrites nothing when somebody pushes to the branch meanwhile', async () => {
    const before = await state();
    let theirs = '';
    const gate = async () => {
      theirs = await pushElsewhere(at, branch, { 'panel.lock': 'theirs\n' });
      return passed;
    };
    expect(await codeOf(refresh(options({ gate })))).to.equal('E_REFRESH_RACE');
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(theirs);
    expect(await state()).to.deep.equal(before);
  });

  it('overwrites nothing when the branch that it saw moves meanwhile', async () => {
    await pushElsewhere(at, branch, { 'panel.lock': 'old proposal\n' });
    let theirs = '';
    const gate = async () => {
      theirs = await pushElsewhere(at, branch, { 'panel.lock': 'theirs\n' });
      return passed;
    };
    expect(await codeOf(refresh(options({ gate })))).to.equal('E_REFRESH_RACE');
    expect(await git(at.bare, 'rev-parse', branch)).to.equal(theirs);
  });

  it('returns to a detached HEAD, as Jenkins checks out', async () => {
    await git(at.clone, 'checkout', '--quiet', '--detach');
    const before = await state();
    expect(await refresh(options())).to.include({ outcome: 'ok' });
    expect(await state()).to.deep.equal(before);
  });

  it('carries a lockfile that git ignores, and puts the ignored one back', async () => {
    await at.remove();
    at = await makeRepositories({ '.gitignore': 'panel.lock\n' });
    expect(await git(at.clone, 'ls-files')).not.to.contain('panel.lock');
    await writeFile(at.lockfile, 'mine, ignored\n');
    const before = await state();
    const result = await refresh(options());
    expect(result).to.include({ outcome: 'ok', pushed: true });
    expect(await git(at.bare, 'show', `${branch}:panel.lock`)).to.equal(newLock.trimEnd());
    expect(await state()).to.deep.equal(before);
  });

  it('puts the checkout back when the update fails half-way', async () => {
    const before = await state();
    const update = async () => {
      await writeFile(at.lockfile, 'half');
      throw new LockstepError('E_APT_UNREACHABLE', 'no mirror');
    };
    expect(await codeOf(refresh(options({ update })))).to.equal('E_APT_UNREACHABLE');
    expect(await state()).to.deep.equal(before);
  });

  it('puts the checkout back when it is interrupted, and pushes nothing', async () => {
    const before = await state();
    const stop = new AbortController();
    const gate = async () => {
      stop.abort();
      return passed;
    };
    expect(await codeOf(refresh(options({ gate, signal: stop.signal })))).to.equal('E_INTERRUPTED');
    expect(await remoteBranches(at.bare)).to.deep.equal(['main']);
    expect(await state()).to.deep.equal(before);
  });

  it('works for a project below the top of the repository', async () => {
    await commitFiles(at.clone, { 'examples/panel/panel.lock': 'Package: a\nVersion: 1\n' });
    await git(at.clone, 'push', '--quiet', 'origin', 'main');
    at.lockfile = path.join(at.clone, 'examples/panel/panel.lock');
    const before = await state();
    expect(await refresh(options({ root: path.dirname(at.lockfile) }))).to.include({ outcome: 'ok' });
    expect(await git(at.bare, 'diff', '--name-only', 'main', branch)).to.equal('examples/panel/panel.lock');
    expect(await state()).to.deep.equal(before);
  });

  it('commits as the author that it is given', async () => {
    const bare: NodeJS.ProcessEnv = { PATH: environment.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };
    await refresh(options({ environment: bare, author: { name: 'Night Job', email: 'night@example.org' } }));
    const names = await git(at.bare, 'show', '--no-patch', '--format=%an <%ae> %cn', branch);
    expect(names).to.equal('Night Job <night@example.org> Night Job');
  });

  it('says which remote it could not fetch', async () => {
    await git(at.clone, 'remote', 'set-url', 'origin', path.join(at.dir, 'gone.git'));
    const error = await refresh(options()).catch((thrown: LockstepError) => thrown);
    expect(error).to.include({ code: 'E_GIT' });
    expect((error as LockstepError).message).to.match(/gone\.git/);
  });
});
