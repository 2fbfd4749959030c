import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { deleteRef, listRefs, resolveRef } from '../../src/ostree/refs.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { errorOf } from '../deb/debs.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

describe('the build repository', function () {
  this.timeout(60_000);
  let dir: string;
  let repo: string;
  let toolbox: Toolbox;

  beforeEach(async () => {
    dir = await temporaryDirectory('repo');
    repo = path.join(dir, '.lockstep/repo');
    toolbox = await openFor(dir, 'host');
  });

  afterEach(() => toolbox.close());

  it('is made once and then left as it is', async () => {
    await ensureRepo(toolbox, repo, 'bare');
    const config = await readFile(path.join(repo, 'config'), 'utf8');
    expect(config).to.match(/^mode=bare$/m);
    await ensureRepo(toolbox, repo, 'bare');
    expect(await readFile(path.join(repo, 'config'), 'utf8')).to.equal(config);
  });

  it('can be in archive mode, whatever name ostree gives it', async () => {
    await ensureRepo(toolbox, repo, 'archive');
    await ensureRepo(toolbox, repo, 'archive');
  });

  it('is refused when it has another mode, is damaged, or cannot be there', async () => {
    await ensureRepo(toolbox, repo, 'archive');
    const other = await errorOf(ensureRepo(toolbox, repo, 'bare'));
    expect(other).to.include({ code: 'E_REPO' });
    expect(other.message).to.contain(repo).and.to.contain('not bare');
    await writeFile(path.join(repo, 'config'), 'junk\n');
    expect(await errorOf(ensureRepo(toolbox, repo, 'archive'))).to.include({ code: 'E_REPO' });
    await writeFile(path.join(dir, 'file'), '');
    expect(await errorOf(ensureRepo(toolbox, path.join(dir, 'file/repo'), 'bare'))).to.include({ code: 'E_REPO' });
  });

  it('lists, resolves and removes refs', async () => {
    await ensureRepo(toolbox, repo, 'bare');
    await mkdir(path.join(dir, 'tree'));
    const checksums: string[] = [];
    for (const ref of ['dpkg/data/1', 'dpkg/control/1', 'panel/armhf']) {
      const tree = path.join(dir, 'tree');
      const { stdout } = await execa('ostree', [
        'commit',
        `--repo=${repo}`,
        '-b',
        ref,
        '-s',
        ref,
        `--tree=dir=${tree}`,
      ]);
      checksums.push(stdout);
    }
    expect([...(await listRefs(toolbox, repo))]).to.have.members(['dpkg/data/1', 'dpkg/control/1', 'panel/armhf']);
    expect([...(await listRefs(toolbox, repo, 'dpkg'))]).to.have.members(['dpkg/data/1', 'dpkg/control/1']);
    expect(await resolveRef(toolbox, repo, 'panel/armhf')).to.equal(checksums[2]);
    expect(await resolveRef(toolbox, repo, 'panel/arm64')).to.equal(null);
    await deleteRef(toolbox, repo, 'dpkg/data/1');
    expect([...(await listRefs(toolbox, repo))]).to.have.members(['dpkg/control/1', 'panel/armhf']);
  });
});
