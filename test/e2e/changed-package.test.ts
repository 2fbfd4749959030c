import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { putLaterVersion } from '../later-version.ts';
import { lockstepOk } from './lockstep.ts';
import { linkedCopy } from './panel-copy.ts';
import { builtPanel, ostree } from './projects.ts';

interface BuildOutcome {
  images: { commit: string; stages: { name: string; cached: boolean }[] }[];
}

describe('a build after one package changed', function () {
  this.timeout(20 * 60_000);
  let dir: string;

  before(async () => {
    dir = await linkedCopy(await builtPanel(), 'changed');
  });

  /** The stages that had to be made, and the commit. */
  const build = async () => {
    const outcome = (await lockstepOk(dir, ['build', '--toolbox', 'host'])) as unknown as BuildOutcome;
    const [image] = outcome.images;
    const made = image?.stages.filter(({ cached }) => !cached).map(({ name }) => name);
    return { commit: image?.commit, made };
  };

  /** Forgets all stages; returns what a build then comes to. */
  const buildAnew = async () => {
    await rm(path.join(dir, '.lockstep/repo/refs/heads/lockstep'), { recursive: true });
    return (await build()).commit;
  };

  it('runs no script again when none read anything of the package, and gives what a build from nothing gives', async () => {
    await putLaterVersion(dir, 'openssh-sftp-server', 'usr/lib/openssh/sftp-server');
    const changed = await build();
    expect(changed.made).to.deep.equal(['import', 'merge', 'finalize']);
    expect(await buildAnew()).to.equal(changed.commit);
    const status = await ostree(dir, 'cat', String(changed.commit), '/usr/lib/sysimage/dpkg/status');
    expect(status).to.match(/^Package: openssh-sftp-server\nStatus: install ok installed\n(.+\n)*Version: .*\+later$/m);
  });

  it('runs them again when one of them read a file of the package, and keeps the initramfs', async () => {
    await putLaterVersion(dir, 'init-system-helpers', 'usr/bin/deb-systemd-helper');
    const changed = await build();
    expect(changed.made).to.deep.equal(['import', 'merge', 'configure', 'finalize']);
    expect(await buildAnew()).to.equal(changed.commit);
  });

  it('makes the initramfs anew when dracut read a file of it', async () => {
    const before = (await build()).commit;
    await putLaterVersion(dir, 'ostree-boot', 'usr/lib/dracut/modules.d/98ostree/module-setup.sh');
    const changed = await build();
    expect(changed.made).to.include('initramfs');
    expect(changed.commit).not.to.equal(before);
  });
});
