import { copyFile, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseLockfile } from '../../src/apt/lockfile.ts';
import { asRootWithin, type Guest, openGuest, withoutNamespaces } from './guest.ts';
import { binfmtEntries, expectNothingLeft } from './left-behind.ts';
import { lockstep, lockstepOk } from './lockstep.ts';
import { ostree, projectWith, resolve } from './projects.ts';

const yaml = `images:
  tiny:
    arch: armhf
    suites: [bookworm, bookworm-updates, bookworm-security]
    packages: [openssh-server]
`;

interface BuildOutcome {
  outcome: string;
  images: { commit: string; stages: { name: string; cached: boolean }[] }[];
}

const build = async (dir: string, toolbox: string) =>
  (await lockstepOk(dir, ['build', '--toolbox', toolbox])) as unknown as BuildOutcome;

describe('a build', function () {
  this.timeout(30 * 60_000);
  const dirs: Record<string, string> = {};
  const outcomes: Record<string, BuildOutcome> = {};

  before(async () => {
    dirs.host = await projectWith('tiny-host', yaml);
    await resolve(dirs.host, '--toolbox', 'host');
    dirs.docker = await projectWith('tiny-docker', yaml);
    await copyFile(`${dirs.host}/tiny.lock`, `${dirs.docker}/tiny.lock`);
    for (const toolbox of ['host', 'docker']) outcomes[toolbox] = await build(dirs[toolbox] ?? '', toolbox);
  });

  it('gives the same commit in a container and on the host', () => {
    expect(outcomes.docker?.images[0]?.commit)
      .to.match(/^[0-9a-f]{64}$/)
      .and.to.equal(outcomes.host?.images[0]?.commit);
  });

  describe('by a user who is not root', () => {
    let dir: string;
    let log: string;
    let outcome: BuildOutcome;
    let entries: string[];

    before(async () => {
      entries = await binfmtEntries();
      dir = await projectWith('tiny-guest', yaml);
      await copyFile(`${dirs.host}/tiny.lock`, `${dir}/tiny.lock`);
      const guest = await openGuest(65_536);
      const answer = await guest.lockstep(dir, ['build', '--toolbox', 'host']);
      log = answer.log;
      outcome = answer.outcome as unknown as BuildOutcome;
    });

    it('gives the same commit, in a user namespace', () => {
      expect(log).to.contain('toolbox: this host, as root of a user namespace');
      expect(outcome.images?.[0]?.commit, log).to.equal(outcomes.host?.images[0]?.commit);
    });

    it('runs native tools where root does', () => {
      expect(log).to.match(/native builds of \d+ packages run in place of emulated ones$/m);
    });

    it('leaves nothing mounted, running or registered', async () => {
      await expectNothingLeft(dir);
      expect(await binfmtEntries()).to.deep.equal(entries);
    });

    describe('where the kernel gives no further namespaces', () => {
      let guest: Guest;
      const build = (...args: string[]) =>
        guest.lockstep(dir, ['build', '--toolbox', 'host', ...args], withoutNamespaces);

      before(async () => {
        guest = await openGuest(65_536);
        const repo = `--repo=${dir}/.lockstep/repo`;
        await guest.run([...asRootWithin, 'ostree', 'refs', repo, '--delete', 'lockstep/configured']);
      });

      it('is refused native emulation, with the reason', async () => {
        const { outcome: refused } = await build('--emulation', 'native');
        expect(refused.code).to.equal('E_EMULATION');
        expect(refused.message).to.contain('no binfmt_misc to a user namespace');
      });

      it('gives the same commit by native tools mounted over emulated ones, and says why', async () => {
        const { outcome: fallen, log: said } = await build();
        expect(said).to.match(/mounted over them while packages are configured; this kernel or engine gives no/);
        const { commit, stages } = (fallen as unknown as BuildOutcome).images[0]!;
        expect(stages.find(({ name }) => name === 'configure')?.cached).to.equal(false);
        expect(commit).to.equal(outcomes.host?.images[0]?.commit);
      });
    });

    it('is refused what root made, with what to do', async () => {
      const { outcome: refused } = await (await openGuest(65_536)).lockstep(dirs.host!, ['build', '--toolbox', 'host']);
      expect(refused.code).to.equal('E_TOOLBOX_OWNER');
      expect(refused.message).to.contain(`${dirs.host}/.lockstep was made by root`);
    });

    it('is the only one who builds there: root is refused, with what to do', async () => {
      const { outcome: refused } = await lockstep(dir, ['build', '--toolbox', 'host']);
      expect(refused.code).to.equal('E_TOOLBOX_OWNER');
      expect(refused.message).to.match(/\.lockstep\/repo was made by user \d+, and this is root/);
    });

    it('is told what is missing when /etc/subuid lends too few ids', async () => {
      const { outcome: refused } = await (await openGuest(1000)).lockstep(dir, ['build', '--toolbox', 'host']);
      expect(refused.code).to.equal('E_TOOLBOX_TOOL');
      expect(refused.message).to.contain('/etc/subuid lends 1000').and.to.contain('usermod --add-subuids');
      expect(refused.hint).to.contain('--toolbox docker');
    });
  });

  for (const toolbox of ['host', 'docker']) {
    describe(`by the ${toolbox} toolbox`, () => {
      it('does nothing the second time, and says so', async () => {
        const again = await build(dirs[toolbox] ?? '', toolbox);
        expect(again.outcome).to.equal('unchanged');
        expect(again.images[0]?.stages.filter(({ cached }) => !cached)).to.deep.equal([]);
      });

      it('leaves a repository that any ostree client reads, with one data ref for each deb', async () => {
        const dir = dirs[toolbox] ?? '';
        const lockfile = parseLockfile(await readFile(`${dir}/tiny.lock`, 'utf8'), 'tiny.lock');
        const refs = (await ostree(dir, 'refs', '--list', 'dpkg/data')).split('\n').sort();
        expect(refs).to.deep.equal(lockfile.packages.map(({ sha256 }) => `dpkg/data/${sha256}`).sort());
        expect(await ostree(dir, 'log', 'tiny/armhf')).to.contain(outcomes[toolbox]?.images[0]?.commit);
        await ostree(dir, 'fsck', '--quiet');
      });

      it('writes into the commit what it was made from', async () => {
        const dir = dirs[toolbox] ?? '';
        const show = (key: string) => ostree(dir, 'show', `--print-metadata-key=${key}`, 'tiny/armhf');
        const { digest } = parseLockfile(await readFile(`${dir}/tiny.lock`, 'utf8'), 'tiny.lock');
        expect(await show('lockstep.lock-digest')).to.equal(`'${digest}'`);
        expect(await show('version')).to.equal(`'${digest.slice(0, 12)}'`);
      });
    });
  }
});
