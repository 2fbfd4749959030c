import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { workspaceOf } from '../../../src/config/workspace.ts';
import { leftovers } from '../../../src/image/collect/leftovers.ts';

const [kept, lost] = ['a'.repeat(64), 'b'.repeat(64)];
const objectOf = (checksum: string) => `${checksum.slice(0, 2)}/${checksum.slice(2)}`;

describe('leftovers of a project', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-leftovers-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function write(...files: string[]): Promise<void> {
    for (const file of files) {
      await mkdir(path.dirname(path.join(root, '.lockstep', file)), { recursive: true });
      await writeFile(path.join(root, '.lockstep', file), file);
    }
  }

  it('are scratch space, apt roots of images that are no more, and what was served of commits that are gone', async () => {
    await write(
      'work/panel/x',
      'work/run-1/x',
      'repo/tmp/lockstep-import-1/object',
      'repo/tmp/cache/x',
      'repo.begun/x',
    );
    await write(
      'repo/config',
      'repo.unsynced',
      'run/result.json',
      'devices/virt-1/disk.img',
      'lock',
      'first-seen.json',
    );
    await write('apt/panel/lists/x', 'apt/panel.amd64/x', 'apt/panels/x', 'apt/gone.amd64/x');
    await write(`archive/objects/${objectOf(kept)}.filez`, `archive/objects/${objectOf(kept)}.filez.4711`);
    await write(`archive/objects/${objectOf(lost)}.filez`, `archive/deltas/${kept}-${kept}-1/superblock`);
    await write(`archive/deltas/${lost}-${kept}-1/superblock`, `archive/deltas/${kept}-${lost}-1/superblock`);
    const objects = new Set([`${objectOf(kept)}.file`, `${objectOf(kept)}.commit`]);
    const found = await leftovers(workspaceOf(root), { images: ['panel'], objects });
    expect(found.map((each) => path.relative(path.join(root, '.lockstep'), each.path)).sort()).to.deep.equal(
      [
        'apt/gone.amd64',
        'apt/panels',
        `archive/deltas/${kept}-${lost}-1`,
        `archive/deltas/${lost}-${kept}-1`,
        `archive/objects/${objectOf(kept)}.filez.4711`,
        `archive/objects/${objectOf(lost)}.filez`,
        'repo.begun',
        'repo/tmp/lockstep-import-1',
        'work/panel',
        'work/run-1',
      ].sort(),
    );
  });

  it('are none where there is nothing', async () => {
    expect(await leftovers(workspaceOf(root), { images: [], objects: new Set() })).to.deep.equal([]);
  });
});
