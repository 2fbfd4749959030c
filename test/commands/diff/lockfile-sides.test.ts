import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { inputsOf } from '../../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile } from '../../../src/apt/lockfile/lockfile.ts';
import { openContext } from '../../../src/commands/context.ts';
import { sidesOf } from '../../../src/commands/diff/lockfile-sides.ts';
import { silent } from '../../../src/progress/progress.ts';
import { imageConfig, locked } from '../../apt/samples.ts';
import { commitFiles, makeRepositories, type Repositories } from '../../refresh/repositories.ts';
import { refusal } from '../../refusal.ts';

const lock = (version: string) => formatLockfile(inputsOf(imageConfig()), [locked('dash', version)]);

describe('what lockstep diff compares', () => {
  let at: Repositories;
  let dir: string;

  before(async () => {
    at = await makeRepositories();
    dir = path.join(at.clone, 'product');
    const image = { arch: 'armhf', suites: ['bookworm'], packages: ['dash'] };
    const yaml = JSON.stringify({ images: { panel: image, other: image } });
    const files = (version: string) => ({ 'product/panel.lock': lock(version), 'product/other.lock': lock('7') });
    await commitFiles(at.clone, { 'product/lockstep.yml': yaml, ...files('1') });
    await commitFiles(at.clone, files('2'));
    await writeFile(path.join(dir, 'panel.lock'), lock('3'));
    await mkdir(path.join(dir, 'old'));
    await writeFile(path.join(dir, 'old/kept.lock'), lock('0'));
  });
  after(() => at.remove());

  async function compared(args: [string?, string?], image: string[] = ['panel']): Promise<string[]> {
    const context = openContext({ C: dir, image }, silent, new AbortController().signal);
    const sides = await sidesOf(context, ...args);
    const version = ([deb]: { version: string }[]) => deb?.version ?? 'none';
    return sides.map(({ name, before, after }) => `${name} ${version(before)} ${version(after)}`);
  }

  const known: [string, [string?, string?], string][] = [
    ['HEAD and the work tree', [], 'panel 2 3'],
    ['a revision and the work tree', ['HEAD~1'], 'panel 1 3'],
    ['two revisions', ['HEAD~1', 'HEAD'], 'panel 1 2'],
    ['a revision that had no lockfile yet', ['HEAD~2', 'HEAD'], 'panel none 2'],
    ['two files', ['old/kept.lock', 'panel.lock'], 'panel 0 3'],
    ['a file and the work tree', ['old/kept.lock'], 'panel 0 3'],
    ['a file and a revision', ['old/kept.lock', 'HEAD~1'], 'panel 0 1'],
    ['a revision and a file', ['HEAD', 'old/kept.lock'], 'panel 2 0'],
  ];
  for (const [what, args, expected] of known) {
    it(`is ${what}`, async () => {
      expect(await compared(args)).to.deep.equal([expected]);
    });
  }

  it('is every image, for revisions', async () => {
    expect(await compared([], [])).to.deep.equal(['panel 2 3', 'other 7 7']);
  });

  it('is refused when it is not clear what is meant, or not there', async () => {
    const unclear = await refusal(compared(['old/kept.lock'], []), 'E_USAGE');
    expect(unclear.hint).to.contain('--image');
    const missing = await refusal(compared(['no-such.lock', 'panel.lock']), 'E_USAGE');
    expect(missing.message).to.equal('no-such.lock is neither a lockfile nor a git revision here');
  });
});
