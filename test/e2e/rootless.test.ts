import { cp, mkdir } from 'node:fs/promises';
import { expect } from 'chai';
import type { StageReport } from '../../src/image/stage.ts';
import { asRootWithin, type Guest, openGuest, withoutNamespaces } from './guest.ts';
import { binfmtEntries, expectNothingLeft, namespacesHaveBinfmt } from './left-behind.ts';
import { lockstep } from './lockstep.ts';
import { type BuiltProject, builtPanel, temporaryDirectory } from './projects.ts';

interface Image {
  commit: string;
  stages: StageReport[];
}

const imageOf = (outcome: object) => (outcome as { images?: Image[] }).images?.[0];

/** The project with its lockfile, and nothing built. */
async function cloneOf({ dir }: BuiltProject): Promise<string> {
  const clone = await temporaryDirectory('clone');
  for (const part of ['lockstep.yml', 'panel.lock', 'overlay', 'tests']) {
    await cp(`${dir}/${part}`, `${clone}/${part}`, { recursive: true });
  }
  return clone;
}

describe('a build by a user who is not root', function () {
  this.timeout(20 * 60_000);
  let panel: BuiltProject;
  let guest: Guest;
  let dir: string;
  let log: string;
  let image: Image | undefined;
  let entries: string[];

  const repo = () => `--repo=${dir}/.lockstep/repo`;
  const ostree = (...args: string[]) => guest.run([...asRootWithin, 'ostree', ...args]);

  before(async () => {
    panel = await builtPanel();
    entries = await binfmtEntries();
    guest = await openGuest(65_536);
    dir = await cloneOf(panel);
    const answer = await guest.lockstep(dir, ['build', '--toolbox', 'host']);
    log = answer.log;
    image = imageOf(answer.outcome);
  });

  it('gives the commit that root gives, initramfs and all, in a user namespace', () => {
    expect(log).to.contain('toolbox: this host, as root of a user namespace');
    expect(image?.commit, log).to.equal(panel.commit);
  });

  it('runs native tools where root does', async () => {
    const native = /native builds of \d+ packages run in place of emulated ones$/m.test(log);
    expect(native, log).to.equal(await namespacesHaveBinfmt());
  });

  it('leaves nothing mounted, running or registered', async () => {
    await expectNothingLeft(dir);
    expect(await binfmtEntries()).to.deep.equal(entries);
  });

  it('leaves a repository that is sound, seen from a namespace of the user’s', async () => {
    const { exitCode, stderr } = await ostree(repo(), 'fsck', '--quiet');
    expect(exitCode, stderr).to.equal(0);
  });

  describe('where the kernel gives no further namespaces', () => {
    const build = (...args: string[]) => {
      const argv = ['build', '--toolbox', 'host', '--until', 'configure', ...args];
      return guest.lockstep(dir, argv, withoutNamespaces);
    };
    let configured: string;

    before(async () => {
      const ref = (await ostree(repo(), 'refs', '--list', 'lockstep/configured')).stdout.trim();
      configured = (await ostree(repo(), 'rev-parse', ref)).stdout.trim();
      await ostree('refs', repo(), '--delete', 'lockstep/configured');
    });

    it('is refused native emulation, with the reason', async () => {
      const { outcome } = await build('--emulation', 'native');
      expect(outcome.code).to.equal('E_EMULATION');
      expect(outcome.message).to.contain('no binfmt_misc to a user namespace');
    });

    it('gives the same root by native tools mounted over emulated ones, and says why', async () => {
      const { outcome, log: said } = await build();
      expect(said).to.match(/mounted over them while packages are configured; this kernel or engine gives no/);
      expect(imageOf(outcome)?.stages.find(({ name }) => name === 'configure')?.cached, said).to.equal(false);
      expect(configured).to.match(/^[0-9a-f]{64}$/);
      expect(imageOf(outcome)?.commit).to.equal(configured);
    });
  });

  it('is refused what root made, with what to do', async () => {
    const roots = await cloneOf(panel);
    await mkdir(`${roots}/.lockstep`);
    const { outcome } = await guest.lockstep(roots, ['build', '--toolbox', 'host']);
    expect(outcome.code).to.equal('E_TOOLBOX_OWNER');
    expect(outcome.message).to.contain(`${roots}/.lockstep was made by root`);
  });

  it('is the only one who builds there: root is refused, with what to do', async () => {
    const { outcome } = await lockstep(dir, ['build', '--toolbox', 'host']);
    expect(outcome.code).to.equal('E_TOOLBOX_OWNER');
    expect(outcome.message).to.match(/\.lockstep\/repo was made by user \d+, and this is root/);
  });

  it('is told what is missing when /etc/subuid lends too few ids', async () => {
    const { outcome } = await (await openGuest(1000)).lockstep(dir, ['build', '--toolbox', 'host']);
    expect(outcome.code).to.equal('E_TOOLBOX_TOOL');
    expect(outcome.message).to.contain('/etc/subuid lends 1000').and.to.contain('usermod --add-subuids');
    expect(outcome.hint).to.contain('--toolbox docker');
  });
});
