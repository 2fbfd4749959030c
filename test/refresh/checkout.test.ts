import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { LockstepError } from '../../src/errors/index.ts';
import { refusal } from '../refusal.ts';
import { branch, newLock, passed, refreshedProject } from './refreshed-project.ts';
import { commitFiles, git, remoteBranches } from './repositories.ts';

describe('refresh, in the checkout', () => {
  const project = refreshedProject();

  it('refuses a checkout with changes, before it touches anything', async () => {
    await writeFile(path.join(project.at.clone, 'lockstep.yml'), 'changed\n');
    const before = await project.state();
    await refusal(project.refresh(), 'E_REFRESH_DIRTY');
    expect(await project.state()).to.deep.equal(before);
    expect(await remoteBranches(project.at.bare)).to.deep.equal(['main']);
  });

  it('commits nothing when more than lockfiles changed, and keeps what it does not know', async () => {
    const before = await project.state();
    const update = async () => {
      const images = await project.updateTo(newLock)();
      await writeFile(path.join(project.at.clone, 'stray.txt'), 'x\n');
      return images;
    };
    await refusal(project.refresh({ update }), 'E_REFRESH_DIRTY');
    expect(await readFile(path.join(project.at.clone, 'stray.txt'), 'utf8')).to.equal('x\n');
    await rm(path.join(project.at.clone, 'stray.txt'));
    expect(await project.state()).to.deep.equal(before);
    expect(await remoteBranches(project.at.bare)).to.deep.equal(['main']);
  });

  it('leaves the caches in .lockstep alone, even where git does not ignore it', async () => {
    const cache = path.join(project.at.clone, '.lockstep', 'repo');
    await mkdir(path.dirname(cache));
    await writeFile(cache, 'cache');
    expect(await project.refresh()).to.include({ outcome: 'ok' });
    expect(await readFile(cache, 'utf8')).to.equal('cache');
  });

  it('returns to a detached HEAD, as Jenkins checks out', async () => {
    await git(project.at.clone, 'checkout', '--quiet', '--detach');
    const before = await project.state();
    expect(await project.refresh()).to.include({ outcome: 'ok' });
    expect(await project.state()).to.deep.equal(before);
  });

  it('carries a lockfile that git ignores, and puts the ignored one back', async () => {
    await project.at.remove();
    await project.begin({ '.gitignore': 'panel.lock\n' });
    expect(await git(project.at.clone, 'ls-files')).not.to.contain('panel.lock');
    await writeFile(project.at.lockfile, 'mine, ignored\n');
    const before = await project.state();
    const result = await project.refresh();
    expect(result).to.include({ outcome: 'ok', pushed: true });
    expect(await git(project.at.bare, 'show', `${branch}:panel.lock`)).to.equal(newLock.trimEnd());
    expect(await project.state()).to.deep.equal(before);
  });

  it('puts the checkout back when the update fails half-way', async () => {
    const before = await project.state();
    const update = async () => {
      await writeFile(project.at.lockfile, 'half');
      throw new LockstepError('E_APT_UNREACHABLE', 'no mirror');
    };
    await refusal(project.refresh({ update }), 'E_APT_UNREACHABLE');
    expect(await project.state()).to.deep.equal(before);
  });

  it('puts the checkout back when it is interrupted, and pushes nothing', async () => {
    const before = await project.state();
    const stop = new AbortController();
    const gate = async () => {
      stop.abort();
      return passed;
    };
    await refusal(project.refresh({ gate, signal: stop.signal }), 'E_INTERRUPTED');
    expect(await remoteBranches(project.at.bare)).to.deep.equal(['main']);
    expect(await project.state()).to.deep.equal(before);
  });

  it('works for a project below the top of the repository', async () => {
    await commitFiles(project.at.clone, { 'examples/panel/panel.lock': 'Package: a\nVersion: 1\n' });
    await git(project.at.clone, 'push', '--quiet', 'origin', 'main');
    project.at.lockfile = path.join(project.at.clone, 'examples/panel/panel.lock');
    const before = await project.state();
    expect(await project.refresh({ root: path.dirname(project.at.lockfile) })).to.include({ outcome: 'ok' });
    expect(await git(project.at.bare, 'diff', '--name-only', 'main', branch)).to.equal('examples/panel/panel.lock');
    expect(await project.state()).to.deep.equal(before);
  });
});
