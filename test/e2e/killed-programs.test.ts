import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { makeDeb } from '../deb/debs.ts';
import { agent } from './lockstep.ts';
import { memoryDisk } from './memory-disk.ts';
import { ostree } from './projects.ts';
import { resolveAnyhow } from './served-suites.ts';
import { processes } from './victims.ts';

const yaml = 'images: {careless: {arch: amd64, suites: [bookworm], packages: [adduser], debs: [dist/*.deb]}}\n';

/** Takes no notice when its program is killed, as many scripts do; one that kills its own program does so each time. */
const postinst = `#!/bin/sh
sh -c 'kill -KILL $$' || true
if sleep 2.4321; then echo whole >/etc/careless; fi
exit 0
`;

for (const toolbox of ['host', 'docker']) {
  describe(`a script of which a program is killed, in a build by the ${toolbox} toolbox`, function () {
    this.timeout(3 * 60_000);

    it('runs once more, though it did not mind, and the image is what it would have been', async () => {
      const dir = await memoryDisk('careless', 1024);
      await writeFile(path.join(dir, 'lockstep.yml'), yaml);
      await mkdir(path.join(dir, 'dist'));
      const deb = await makeDeb({ name: 'careless', control: { postinst }, architecture: 'all' });
      await copyFile(deb.file, path.join(dir, 'dist/careless.deb'));
      await resolveAnyhow(dir);
      const build = execa('node', [agent, 'build', '-C', dir, '--toolbox', toolbox, '--json'], { timeout: 120_000 });
      await Promise.race([killSleep(), build]);
      const { stderr } = await build;
      expect(stderr).to.contain('killed while scripts ran that did not mind: sh, sleep; they run once more');
      expect(await ostree(dir, 'cat', 'careless/amd64', '/usr/etc/careless')).to.equal('whole');
    });
  });
}

/** Kills the program of the test's package as soon as it runs, once. */
async function killSleep(): Promise<void> {
  for (const deadline = Date.now() + 100_000; Date.now() < deadline; await sleep(50)) {
    const found = (await processes()).find(({ command }) => command === 'sleep 2.4321');
    if (found === undefined) continue;
    process.kill(found.pid, 'SIGKILL');
    return;
  }
  throw new Error('the script of the package never ran');
}
