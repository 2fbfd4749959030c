import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { corruptBlock } from '../../src/device/virtual/corrupt-block.ts';
import { deviceFiles } from '../../src/device/virtual/files.ts';
import { rootBlocks, rootSector, sectorSize } from '../../src/device/virtual/layout.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

describe('a corrupted block of a virtual device’s disk', () => {
  it('changes one byte of the file that it belongs to, and none of another', async () => {
    const dir = await temporaryDirectory('corrupt');
    const files = deviceFiles(workspaceOf(dir), 'virt-1');
    const tree = path.join(dir, 'tree');
    await mkdir(path.join(tree, 'boot'), { recursive: true });
    await mkdir(files.dir, { recursive: true });
    await writeFile(path.join(tree, 'boot/a file'), 'A'.repeat(10_000));
    await writeFile(path.join(tree, 'boot/other'), 'B'.repeat(10_000));
    const offset = rootSector * sectorSize;
    await execa('truncate', ['-s', '64M', files.disk]);
    const made = ['-q', '-F', '-b', '4096', '-E', `offset=${offset}`, '-d', tree, files.disk, String(rootBlocks(64))];
    await execa('mkfs.ext4', made);
    const toolbox = await openFor(dir, 'host');
    try {
      await corruptBlock(toolbox, files, '/boot/a file');
      const read = async (name: string) => {
        const out = path.join(dir, 'out');
        await execa('debugfs', ['-R', `dump "/boot/${name}" ${out}`, `${files.disk}?offset=${offset}`]);
        return readFile(out, 'latin1');
      };
      expect(await read('a file')).to.equal(`${String.fromCharCode(0x41 ^ 255)}${'A'.repeat(9_999)}`);
      expect(await read('other')).to.equal('B'.repeat(10_000));
      const missing: LockstepError = await corruptBlock(toolbox, files, '/boot/none').catch((thrown) => thrown);
      expect(missing.message).to.include('/boot/none');
    } finally {
      await toolbox.close();
    }
  });
});
