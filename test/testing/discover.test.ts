import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { LockstepError } from '../../src/errors/index.ts';
import { discoverTests } from '../../src/testing/discover.ts';

describe('discovering device tests', () => {
  let dir: string;
  const put = async (name: string, mode: number) => {
    await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
    await writeFile(path.join(dir, name), '#!/bin/sh\n');
    await chmod(path.join(dir, name), mode);
  };
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-discover-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('finds executables at the top and in subfolders, sorted by bytes', async () => {
    for (const name of ['b.sh', 'a.sh', 'net/dns', 'Z', 'net/a/deep']) await put(name, 0o755);
    expect(await discoverTests(dir)).to.deep.equal(['Z', 'a.sh', 'b.sh', 'net/a/deep', 'net/dns']);
  });

  it('leaves out data, hidden files and folders, READMEs, and links', async () => {
    await put('test', 0o755);
    await put('data.txt', 0o644);
    await put('.hidden', 0o755);
    await put('.git/hook', 0o755);
    await put('README.md', 0o755);
    await symlink('test', path.join(dir, 'link'));
    expect(await discoverTests(dir)).to.deep.equal(['test']);
  });

  it('finds what only its owner may execute', async () => {
    await put('mine', 0o700);
    expect(await discoverTests(dir)).to.deep.equal(['mine']);
  });

  it('says E_TESTS_MISSING and the directory when there is nothing to run', async () => {
    await put('data.txt', 0o644);
    for (const where of [dir, path.join(dir, 'absent')]) {
      const error = await discoverTests(where).then(
        () => expect.fail('found something'),
        (thrown: LockstepError) => thrown,
      );
      expect(error).to.be.instanceOf(LockstepError);
      expect(error.code).to.equal('E_TESTS_MISSING');
      expect(error.message).to.include(where);
    }
  });
});
