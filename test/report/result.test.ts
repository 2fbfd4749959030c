import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import { readResult, resultFile, shortOutput, writeResult } from '../../src/report/result.ts';
import { openRunDirectory } from '../../src/report/run-directory.ts';
import { result } from './sample.ts';

describe('the results of a run', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-result-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('are read as they were written, and null when there are none', async () => {
    expect(await readResult(root)).to.equal(null);
    await writeResult(root, result());
    expect(await readResult(root)).to.deep.equal(result());
    expect(await readdir(root)).to.deep.equal(['result.json']);
  });

  for (const [what, text] of [
    ['is cut', '{"format": 1, "dev'],
    ['is of another format', JSON.stringify({ ...result(), format: 2 })],
    ['holds an unknown code', JSON.stringify({ ...result(), code: 'E_NOTHING' })],
    ['lacks a field', JSON.stringify({ ...result(), devices: undefined })],
  ] as const) {
    it(`are refused with the file's name when it ${what}`, async () => {
      await writeFile(resultFile(root), text);
      const error = await readResult(root).then(
        () => expect.fail('was read'),
        (thrown: LockstepError) => thrown,
      );
      expect(error.code).to.equal('E_RESULT');
      expect(error.message).to.include(resultFile(root));
    });
  }

  it('keep the end of a long output', () => {
    expect(shortOutput('short')).to.equal('short');
    const short = shortOutput(`${'x'.repeat(100_000)}end`);
    expect(short.length).to.be.below(66_000);
    expect(short).to.match(/^\[only the last 64 KiB.*end$/s);
  });
});

describe('a run directory', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-rundir-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function put(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  it('replaces the old one whole, so that nothing of two runs is mixed', async () => {
    const workspace = workspaceOf(root);
    await put(path.join(workspace.run, 'junit/gone.xml'), 'old');
    const fresh = await openRunDirectory(workspace);
    await put(path.join(fresh.path, 'result.json'), 'new');
    expect(await readdir(workspace.run)).to.deep.equal(['junit']);
    await fresh.publish();
    expect(await readdir(workspace.run)).to.deep.equal(['result.json']);
    await fresh.discard();
    expect(await readdir(workspace.run)).to.deep.equal(['result.json']);
    expect(await readdir(workspace.work)).to.deep.equal([]);
  });

  it('leaves the old one alone when it is discarded', async () => {
    const workspace = workspaceOf(root);
    await put(path.join(workspace.run, 'result.json'), 'old');
    const fresh = await openRunDirectory(workspace);
    await put(path.join(fresh.path, 'result.json'), 'new');
    await fresh.discard();
    expect(await readFile(path.join(workspace.run, 'result.json'), 'utf8')).to.equal('old');
  });

  it('takes over the logs of the devices named, but nothing that tests left', async () => {
    const workspace = workspaceOf(root);
    for (const file of [
      'virt-1/deploy-journal.txt',
      'virt-1/journal.log',
      'virt-1/artifacts/a',
      'virt-2/console.log',
    ]) {
      await put(path.join(workspace.run, 'devices', file), 'old');
    }
    const fresh = await openRunDirectory(workspace, ['virt-1', 'new']);
    expect(await readdir(fresh.path, { recursive: true })).to.have.members([
      'devices',
      'devices/virt-1',
      'devices/virt-1/deploy-journal.txt',
    ]);
  });

  it('sweeps what a run that died has left', async () => {
    const workspace = workspaceOf(root);
    await put(path.join(workspace.work, 'run-dead/result.json'), 'half');
    await put(path.join(workspace.work, 'other/file'), 'not mine');
    await (await openRunDirectory(workspace)).discard();
    expect(await readdir(workspace.work)).to.deep.equal(['other']);
  });
});
