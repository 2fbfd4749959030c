import { readdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { Stop } from '../../src/image/build.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import type { ToolboxChoice } from '../../src/toolbox/choose.ts';
import { refusal } from '../refusal.ts';
import { lockstep, lockstepOk } from './lockstep.ts';
import { memoryDisk, resizeDisk } from './memory-disk.ts';
import { ostree } from './projects.ts';
import { buildSmall, copySmallProject, smallProject } from './small-image.ts';
import { openFor } from './toolboxes.ts';

/** Enough for every stage. */
const wholeMiB = 1500;

interface Case {
  stage: string;
  /** What is finished before. */
  until: Stop | null;
  /** What is free when the stage begins; ostree itself keeps 64 of them. */
  freeMiB: number;
  what: string;
}

const cases: Case[] = [
  { stage: 'import', until: null, freeMiB: 20, what: 'there is no room at all' },
  { stage: 'import', until: null, freeMiB: 110, what: 'some debs are in' },
  { stage: 'merge', until: 'import', freeMiB: 40, what: 'the debs are in' },
  { stage: 'configure', until: 'merge', freeMiB: 2, what: 'scripts write' },
  { stage: 'configure', until: 'merge', freeMiB: 50, what: 'the scripts have run' },
  { stage: 'customise', until: 'configure', freeMiB: 4, what: 'the script writes' },
  { stage: 'finalize', until: 'customise', freeMiB: 4, what: 'the script writes' },
];

/** What a stage's ref begins with. */
const refs: Record<string, string> = {
  merge: 'lockstep/unpacked',
  configure: 'lockstep/configured',
  customise: 'lockstep/customised',
  finalize: 'lockstep/deployable',
};

let reference: Promise<{ dir: string; commit: string }> | undefined;

/** The same build on a disk with room, once. */
async function undisturbed(): Promise<{ dir: string; commit: string }> {
  const dir = await memoryDisk('room', wholeMiB);
  await smallProject(dir, 'amd64');
  return { dir, commit: (await buildSmall(dir, 'host')).commit };
}

for (const toolbox of ['host', 'docker']) {
  describe(`a build by the ${toolbox} toolbox on a disk that is full`, function () {
    this.timeout(5 * 60_000);
    let dir: string;
    let commit: string;

    before(async () => {
      reference ??= undisturbed();
      const whole = await reference;
      commit = whole.commit;
      dir = await memoryDisk(`full-${toolbox}`, wholeMiB);
      await copySmallProject(whole.dir, dir);
    });

    async function leaveFree(mib: number): Promise<void> {
      const { blocks, bfree, bsize } = await statfs(dir);
      await resizeDisk(dir, Math.ceil(((blocks - bfree) * bsize) / 2 ** 20) + mib);
    }

    async function refsOf(prefix: string): Promise<string> {
      return ostree(dir, 'refs', '--list', prefix);
    }

    for (const { stage, until, freeMiB, what } of toolbox === 'host'
      ? cases
      : cases.filter(({ freeMiB }) => freeMiB < 50)) {
      it(`says in ${stage}, when ${what}, which stage and which directory, and keeps nothing half-written`, async () => {
        if (until === null) await rm(path.join(dir, '.lockstep'), { recursive: true, force: true });
        else await lockstepOk(dir, ['build', '--toolbox', toolbox, '--until', until]);
        await leaveFree(freeMiB);
        const { exitCode, outcome, stderr } = await lockstep(dir, ['build', '--toolbox', toolbox]);
        await resizeDisk(dir, wholeMiB);
        expect([exitCode, outcome.code], stderr).to.deep.equal([1, 'E_DISK_FULL']);
        expect(outcome.message).to.contain(`the disk of ${dir}/.lockstep is full, in the stage ${stage}:`);
        expect(outcome.hint).to.contain(`free space where ${dir}/.lockstep lies`);
        expect(await readdir(path.join(dir, '.lockstep/work'))).to.deep.equal([]);
        expect(await readdir(path.join(dir, '.lockstep'))).not.to.include('lock');
        const ref = refs[stage];
        if (ref !== undefined) expect(await refsOf(ref)).to.equal('');
        await ostree(dir, 'fsck', '--quiet');
      });
    }

    it('says so though it cannot even note that it is at work', async () => {
      await leaveFree(0);
      const { outcome } = await lockstep(dir, ['build', '--toolbox', toolbox]);
      await resizeDisk(dir, wholeMiB);
      expect(outcome.code).to.equal('E_DISK_FULL');
      expect(outcome.message).to.contain(path.join(dir, '.lockstep'));
      expect(await readdir(path.join(dir, '.lockstep'))).not.to.include('lock');
    });

    it('makes the same commit once there is room', async () => {
      expect((await buildSmall(dir, toolbox)).commit).to.equal(commit);
      await ostree(dir, 'fsck', '--quiet');
    });

    it('says so when objects for devices are kept, too, which are whole once there is room', async () => {
      const tools = await openFor(dir, toolbox as ToolboxChoice);
      try {
        const workspace = workspaceOf(dir);
        const source = new CommitSource(async () => tools, workspace);
        const { stdout } = await tools.run(['ostree', 'ls', '-RC', `--repo=${workspace.repo}`, commit]);
        const files = new Set([...stdout.matchAll(/^-.* ([0-9a-f]{64}) \//gm)].map((match) => match[1] ?? ''));
        const keepAll = async () => {
          for (const file of files) await source.find(`/objects/${file.slice(0, 2)}/${file.slice(2)}.filez`, null);
        };
        await leaveFree(4);
        const { message } = await refusal(keepAll(), 'E_DISK_FULL');
        expect(message).to.contain(`the disk of ${workspace.archive} is full`);
        await resizeDisk(dir, wholeMiB);
        await keepAll();
        expect(await source.dropDamaged(files)).to.equal(0);
        await source.close();
      } finally {
        await tools.close();
      }
    });
  });
}
