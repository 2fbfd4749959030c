import { copyFile, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { lockstepOk } from './lockstep.ts';
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
