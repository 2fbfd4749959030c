import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { lockProject } from '../../src/commands/lock.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { MadeDeb } from '../deb/debs.ts';
import { environment } from '../refresh/repositories.ts';
import { DebServer } from './deb-server.ts';
import { bothRefs } from './import-site.ts';
import { linkedCopy } from './panel-copy.ts';
import { builtPanel, ostree } from './projects.ts';
import { lockstepFrom, tinyDebs, tinyProject, untilMerge, writeLock } from './tiny-project.ts';

interface Removed {
  bytes: number;
  removed: { debs: number; stages: number; objects: number; leftovers: number };
}

const nothing = { debs: 0, stages: 0, objects: 0, leftovers: 0 };
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

describe('lockstep gc', function () {
  this.timeout(180_000);
  let debs: MadeDeb[];
  let mirror: DebServer;
  let dir: string;

  const first = () => debs.slice(0, 3);
  const second = () => debs.slice(2);
  const at = (name: string) => path.join(dir, '.lockstep', name);
  const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, env: environment, encoding: 'utf8' });
  const debRefs = async () => lines(await ostree(dir, 'refs', '--list', 'dpkg')).sort();
  const stages = async () => lines(await ostree(dir, 'refs', '--list', 'lockstep')).sort();
  /** Bytes on the disk, with a link counted once, as `du` does. */
  const used = () => Number.parseInt(execFileSync('du', ['-s', '-B1', at('')], { encoding: 'utf8' }), 10);

  async function build(): Promise<string> {
    const { exitCode, outcome, stderr } = await lockstepFrom(dir, untilMerge);
    expect(exitCode, stderr).to.equal(0);
    return (outcome.images as { commit: string }[])[0]!.commit;
  }

  async function gc(...flags: string[]): Promise<Removed & { outcome: string; message: string }> {
    const { exitCode, outcome, stderr } = await lockstepFrom(dir, ['gc', ...flags]);
    expect(exitCode, stderr).to.equal(0);
    return outcome as unknown as Removed & { outcome: string; message: string };
  }

  async function pin(chosen: MadeDeb[], tag: string): Promise<string> {
    const names = JSON.stringify(chosen.map((deb) => deb.package));
    const yaml = `images: {tiny: {arch: armhf, suites: [bookworm], mirror: "${mirror.candidates('')[0]}", packages: ${names}}}\n`;
    await writeFile(path.join(dir, 'lockstep.yml'), yaml);
    await writeLock(dir, chosen);
    git('add', 'lockstep.yml', 'tiny.lock');
    git('commit', '--quiet', '-m', tag);
    git('tag', tag);
    return build();
  }

  before(async () => {
    debs = await tinyDebs(5, { size: 300_000 });
  });

  beforeEach(async () => {
    mirror = await DebServer.open();
    for (const deb of debs) mirror.serve(deb);
    dir = await tinyProject(first(), { mirror: mirror.candidates('')[0]?.replace(/\/$/, '') ?? '' });
    git('init', '--quiet');
    await pin(first(), 'v1');
  });
  afterEach(() => mirror.close());

  it('removes what no lockfile pins any more, tells the bytes that come free, and the next build needs no mirror', async () => {
    const commit = await pin(second(), 'v2');
    mirror.close();
    const told = await gc('--dry-run', '--keep-commits', '1');
    expect(await debRefs()).to.deep.equal(bothRefs(debs));
    const before = used();
    const done = await gc('--keep-commits', '1');
    expect(done.removed).to.deep.equal(told.removed);
    expect(done.removed).to.include({ debs: 2, stages: 1, leftovers: 0 });
    expect(done.bytes).to.equal(told.bytes).and.to.be.above(500_000);
    // Directories are not counted.
    expect(before - used()).to.be.within(done.bytes, done.bytes + 2_000_000);
    expect(await debRefs()).to.deep.equal(bothRefs(second()));
    await ostree(dir, 'fsck');
    expect(await build()).to.equal(commit);
    await rm(at('repo/refs/heads/lockstep'), { recursive: true });
    expect(await build()).to.equal(commit);
    const again = await gc('--keep-commits', '1');
    expect(again).to.deep.include({ outcome: 'unchanged', bytes: 0, removed: nothing });
  });

  it('keeps the debs that the last states of a lockfile pin, so many, whatever was committed beside them', async () => {
    await pin(debs.slice(1, 4), 'v2');
    await pin(debs.slice(2, 5), 'v3');
    git('commit', '--quiet', '--allow-empty', '-m', 'another matter');
    expect((await gc()).removed.debs).to.equal(0);
    const { removed, message } = await gc('--keep-commits', '2');
    expect(removed.debs).to.equal(1);
    expect(message).to.contain('4 debs of the lockfiles of the work tree, HEAD, the last 2 states in git;');
    expect(await debRefs()).to.deep.equal(bothRefs(debs.slice(1)));
    expect((await gc('--keep-commits', '1')).removed.debs).to.equal(1);
    expect(await debRefs()).to.deep.equal(bothRefs(debs.slice(2)));
  });

  it('keeps the last commits of each image, so many', async () => {
    const finished = ['one', 'two', 'three', 'four'];
    for (const name of finished) {
      await mkdir(at(`made/${name}`), { recursive: true });
      const [branch, tree] = [`lockstep/deployable/${name}`, at(`made/${name}`)];
      await ostree(dir, 'commit', `--branch=${branch}`, `--subject=tiny 1`, `--body=${name}`, `--tree=dir=${tree}`);
    }
    await rm(at('made'), { recursive: true });
    const left = async () => (await stages()).filter((ref) => ref.includes('/deployable/')).sort();
    expect((await gc('--dry-run', '--keep-commits', '4')).removed).to.deep.equal(nothing);
    expect((await gc()).removed.stages).to.equal(1);
    expect((await gc('--keep-commits', '2')).removed.stages).to.equal(1);
    expect(await left()).to.deep.equal(['lockstep/deployable/four', 'lockstep/deployable/three']);
  });

  it('keeps what the lockfiles of revisions pin, with the stages that were built from them', async () => {
    await pin(second(), 'v2');
    const all = await stages();
    const { removed } = await gc('--keep-rev', 'v1', '--keep-rev', 'v2', '--keep-commits', '1');
    expect(removed).to.deep.equal(nothing);
    expect([await debRefs(), await stages()]).to.deep.equal([bothRefs(debs), all]);
  });

  it('keeps what the work tree pins that is not committed, and what HEAD does', async () => {
    await writeLock(dir, second());
    await writeFile(
      path.join(dir, 'lockstep.yml'),
      git('show', 'HEAD:lockstep.yml').replace(/packages: .*\]/, 'packages: [tiny2, tiny3, tiny4]'),
    );
    await writeLock(dir, second());
    await build();
    await gc();
    expect(await debRefs()).to.deep.equal(bothRefs(debs));
    git('checkout', '--quiet', '.');
    await gc();
    expect(await debRefs()).to.deep.equal(bothRefs(first()));
  });

  it('removes what builds that died have left, and leaves what users put into the repository', async () => {
    await mkdir(at('work/tiny/root'), { recursive: true });
    await writeFile(at('work/tiny/root/file'), Buffer.alloc(100_000));
    await mkdir(at('apt/gone/lists'), { recursive: true });
    await ostree(dir, 'commit', '--branch=app/main', `--tree=dir=${at('work/tiny/root')}`, '-s', 'mine');
    const told = await gc('--dry-run');
    expect(await readdir(at('work/tiny/root'))).to.deep.equal(['file']);
    expect(told.removed).to.deep.equal({ ...nothing, leftovers: 2 });
    expect((await gc()).removed).to.deep.equal(told.removed);
    expect([await readdir(at('work')), await readdir(at('apt'))]).to.deep.equal([[], []]);
    expect(await ostree(dir, 'ls', 'app/main', '/file')).to.contain('100000');
  });

  it('may be broken off in the middle of its work: a build that wants back what is half gone makes it anew', async () => {
    const commit = (await ostree(dir, 'rev-parse', `dpkg/data/${debs[0]!.sha256}`)).trim();
    const tree = (await ostree(dir, 'ls', '-d', '-C', commit, '/')).split(' ').filter((word) => word.length === 64)[0]!;
    await rm(at(`repo/refs/heads/dpkg/data/${debs[0]!.sha256}`));
    await rm(at('repo/refs/heads/lockstep'), { recursive: true });
    await rm(at(`repo/objects/${tree.slice(0, 2)}/${tree.slice(2)}.dirtree`));
    await build();
    await ostree(dir, 'fsck');
    await gc();
    expect(await debRefs()).to.deep.equal(bothRefs(first()));
    await ostree(dir, 'fsck');
  });

  it('refuses a revision that is none, an image, and a number of commits below 1, and removes nothing', async () => {
    await pin(second(), 'v2');
    for (const flags of [
      ['--keep-rev', 'v3'],
      ['--image', 'tiny'],
      ['--keep-commits', '0'],
    ]) {
      const { exitCode, outcome } = await lockstepFrom(dir, ['gc', ...flags]);
      expect([exitCode, outcome.code]).to.deep.equal([2, 'E_USAGE']);
    }
    expect(await debRefs()).to.deep.equal(bothRefs(debs));
  });

  it('does not run beside a build, nor on what a crash of the machine has left', async () => {
    await pin(second(), 'v2');
    const unlock = await lockProject(workspaceOf(dir), 'build');
    const busy = await lockstepFrom(dir, ['gc']).finally(unlock);
    expect(busy.outcome.code).to.equal('E_BUSY');
    await writeFile(at('repo.unsynced'), 'another boot');
    const uncertain = await lockstepFrom(dir, ['gc']);
    expect([uncertain.outcome.code, uncertain.outcome.hint]).to.deep.equal([
      'E_REPO',
      'run `lockstep build` first, which makes it certain from what is there',
    ]);
    expect(await debRefs()).to.deep.equal(bothRefs(debs));
  });

  it('leaves a whole image all that its next build takes', async function () {
    this.timeout(30 * 60_000);
    dir = await linkedCopy(await builtPanel(), 'gc');
    const built = async () => {
      const { exitCode, outcome, stderr } = await lockstepFrom(dir, ['build']);
      expect(exitCode, stderr).to.equal(0);
      return (outcome.images as { commit: string; stages: { cached: boolean }[] }[])[0];
    };
    const commit = (await built())?.commit;
    expect((await gc('--keep-commits', '1')).removed.debs).to.equal(0);
    const again = await built();
    expect(again?.commit).to.equal(commit);
    expect(again?.stages.filter(({ cached }) => !cached)).to.deep.equal([]);
    await ostree(dir, 'fsck');
  });
});
