import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { workspaceOf } from '../../../src/config/workspace.ts';
import { deviceFiles } from '../../../src/device/virtual/files.ts';
import { readAbout, snapshotFiles, unfinished } from '../../../src/device/virtual/snapshot-files.ts';
import { LockstepError } from '../../../src/errors/index.ts';

describe('snapshots of a virtual device', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-snapshots-'));
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  it('have names that lead nowhere else', () => {
    const files = deviceFiles(workspaceOf(root), 'virt-1');
    for (const tag of ['..', '.hidden', 'a/b', '', '-rf', 'x'.repeat(65)]) {
      expect(() => snapshotFiles(files, tag), tag).to.throw(LockstepError, 'is no name for a snapshot');
    }
    expect(snapshotFiles(files, 'v1.2_3-a').dir).to.equal(path.join(files.snapshots, 'v1.2_3-a'));
  });

  it('are not there before they are whole, and those that are there are named', async () => {
    const files = deviceFiles(workspaceOf(root), 'virt-1');
    const about = { hostKey: 'SHA256:abc', commit: 'a'.repeat(64), memory: null };
    for (const { dir, about: file } of [snapshotFiles(files, 'whole'), unfinished(files, 'cut')]) {
      await mkdir(dir, { recursive: true });
      await writeFile(file, JSON.stringify(about));
    }
    expect(await readAbout('virt-1', files, 'whole')).to.deep.equal(about);
    const error: LockstepError = await readAbout('virt-1', files, 'cut').catch((thrown) => thrown);
    expect(error.code).to.equal('E_NO_SUCH_SNAPSHOT');
    expect(error.hint).to.equal('It has whole.');
  });
});
