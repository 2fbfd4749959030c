import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import { errorOf, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { importWhole } from './import-whole.ts';
import { projectRoot } from './lockstep.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

const limitMiB = 300;

describe('the import, which streams', function () {
  this.timeout(5 * 60_000);

  it('writes the files of a deb while it arrives, and the deb itself nowhere', async () => {
    const deb = await makeDeb({ name: 'noise', files: { 'usr/noise': randomBytes(20_000_000) }, compression: 'gzip' });
    const server = await DebServer.open();
    const root = await temporaryDirectory('streaming');
    const { repo } = workspaceOf(root);
    const toolbox = await openFor(root, 'host');
    await ensureRepo(toolbox, repo, 'bare');
    const stop = new AbortController();
    const { candidates } = server;
    const half = server.hang(deb, 10_000_000);
    const from = { candidates, proxy: () => null, progress: silent, signal: stop.signal };
    const work = errorOf(importWhole({ toolbox, repo, packages: [deb], ...from }));
    await half;
    const written = () => execa('find', [path.join(repo, 'tmp'), '-size', '+9000k']).then(({ stdout }) => stdout);
    for (let waited = 0; (await written()) === '' && waited < 100; waited += 1) await pause(50);
    expect(await written()).to.match(/\/object$/);
    expect((await execa('grep', ['-rlF', '!<arch>', root], { reject: false })).stdout).to.equal('');
    stop.abort();
    expect((await work).code).to.equal('E_INTERRUPTED');
    expect((await execa('find', [path.join(repo, 'tmp'), '-name', 'lockstep-*'])).stdout).to.equal('');
    server.close();
    await toolbox.close();
  });

  it(`takes less than ${limitMiB} MiB of memory, however large and however compressed the debs`, async () => {
    const debs: MadeDeb[] = [];
    for (const compression of ['none', 'zstd', 'xz'] as const)
      debs.push(await makeDeb({ name: `large-${compression}`, compression, fill: largeFile }));
    debs.push(await makeDeb({ name: 'many', compression: 'gzip', fill: manyFiles }));
    const root = await temporaryDirectory('memory');
    const list = path.join(root, 'debs.json');
    const locked = debs.map(({ bytes, file, ...deb }) => ({ ...deb, filename: file }));
    await writeFile(list, JSON.stringify(locked));
    const program = path.join(projectRoot, 'test/bench/import-debs.ts');
    const { stdout } = await execa('node', ['--import', 'tsx', program, root, list], { cwd: projectRoot });
    const { memoryMiB } = JSON.parse(stdout) as { memoryMiB: number };
    expect(memoryMiB).to.be.below(limitMiB);
  });
});

/** 150 MB that compress to little, so that a decoder brings them faster than they are written. */
async function largeFile(root: string): Promise<void> {
  const file = await open(path.join(root, 'large'), 'w');
  const block = randomBytes(1_000_000);
  for (let written = 0; written < 150; written += 1) await file.write(block);
  await file.close();
}

async function manyFiles(root: string): Promise<void> {
  for (let folder = 0; folder < 100; folder += 1) {
    const dir = path.join(root, `usr/share/${folder}`);
    await mkdir(dir, { recursive: true });
    for (let file = 0; file < 200; file += 1) await writeFile(path.join(dir, `file-${file}`), `${folder}/${file}\n`);
  }
}
