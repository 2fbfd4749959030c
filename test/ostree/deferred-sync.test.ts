import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { DeferredSync, markOf } from '../../src/ostree/deferred-sync.ts';

describe('the one wait of a build for the disk', () => {
  let dir: string;
  let repo: string;
  let waits: string[][];

  /** That of a build that starts now. */
  function ofBuild(): DeferredSync {
    const run = async (argv: readonly string[]) => {
      waits.push([...argv]);
      return { stdout: '', stderr: '' };
    };
    return new DeferredSync({ run } as never, repo);
  }

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-sync-'));
    repo = path.join(dir, 'repo');
    waits = [];
  });

  afterEach(() => rm(dir, { recursive: true }));

  it('does not take place when nothing was written', async () => {
    await ofBuild().settle();
    expect(waits).to.deep.equal([]);
  });

  it('takes away the mark that says what is not yet safe', async () => {
    const sync = ofBuild();
    await sync.begin();
    expect(await readdir(dir)).to.deep.equal([path.basename(markOf(repo))]);
    await sync.settle();
    expect(await readdir(dir)).to.deep.equal([]);
    expect(waits).to.deep.equal([['sync', '--file-system', repo]]);
  });

  it('covers what a killed build wrote, by a build that finds everything made', async () => {
    await ofBuild().begin();
    await ofBuild().settle();
    expect(waits, 'the image’s ref would name a commit that is not on the disk').to.have.length(1);
    expect(await readdir(dir)).to.deep.equal([]);
  });
});
