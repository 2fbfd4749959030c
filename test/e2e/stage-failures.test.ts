import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { importDebs } from '../../src/image/import/import.ts';
import { dataRef } from '../../src/image/import/import-deb.ts';
import { merge } from '../../src/image/merge.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { makeDeb } from '../deb/debs.ts';
import { refusal } from '../refusal.ts';
import { DebServer } from './deb-server.ts';
import { lockstep } from './lockstep.ts';
import { memoryDisk } from './memory-disk.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { resolveAnyhow } from './served-suites.ts';
import { openFor, plainBuild } from './toolboxes.ts';

describe('a repository in which a deb’s ref names another tree than the deb’s', function () {
  this.timeout(60_000);

  // What debs can bring is refused before (unpack-refusals.test.ts): only who moves refs by hand gets here.
  it('fails in the merge with what ostree cannot lay over what', async () => {
    const root = await temporaryDirectory('merge');
    const toolbox = await openFor(root, 'host');
    const build = plainBuild(toolbox, root);
    const { repo, work } = build;
    const server = await DebServer.open();
    try {
      await mkdir(work, { recursive: true });
      await ensureRepo(toolbox, repo, 'bare');
      const [one, two, three] = await Promise.all([
        makeDeb({ name: 'one', files: { 'usr/share/place': 'a file' } }),
        makeDeb({ name: 'two', files: { 'usr/share/two': '' } }),
        makeDeb({ name: 'three', files: { 'usr/share/place/file': 'below a directory' } }),
      ]);
      for (const deb of [one, two, three]) server.serve(deb);
      const { candidates } = server;
      await importDebs({ ...build, packages: [one, two, three], candidates, proxy: () => null });
      await ostree(root, 'refs', '--force', `--create=${dataRef(two)}`, dataRef(three));
      const { message } = await refusal(merge(build, [one, two], 'armhf'), 'E_MERGE');
      expect(message).to.contain('cannot be laid over each other').and.to.contain('place');
      expect(await ostree(root, 'refs', '--list', 'lockstep')).to.equal('');
    } finally {
      server.close();
      await toolbox.close();
    }
  });
});

describe('an image whose dracut fails', function () {
  this.timeout(5 * 60_000);

  it('is told with dracut’s last lines, and nothing of the stage is kept', async () => {
    const dir = await memoryDisk('dracut', 1500);
    await writeFile(
      path.join(dir, 'lockstep.yml'),
      'images: {boot: {arch: amd64, suites: [bookworm], packages: [dracut], debs: [dist/*.deb], overlay: [overlay/]}}\n',
    );
    const kernel = await makeDeb({
      name: 'linux-image-0-test',
      architecture: 'all',
      files: { 'usr/lib/modules/0-test/modules.dep': '', 'boot/vmlinuz-0-test': 'a kernel' },
    });
    await mkdir(path.join(dir, 'dist'));
    await cp(kernel.file, path.join(dir, 'dist/kernel.deb'));
    await mkdir(path.join(dir, 'overlay/etc/dracut.conf.d'), { recursive: true });
    const conf = 'echo "the place of the firmware is not known" >&2\nexit 4\n';
    await writeFile(path.join(dir, 'overlay/etc/dracut.conf.d/site.conf'), conf);
    await resolveAnyhow(dir);
    const { exitCode, outcome, stderr } = await lockstep(dir, ['build', '--toolbox', 'host']);
    expect([exitCode, outcome.code], stderr).to.deep.equal([1, 'E_INITRAMFS']);
    expect(outcome.message).to.contain('the place of the firmware is not known');
    expect(outcome.hint).to.contain('etc/dracut.conf.d');
    expect(await ostree(dir, 'refs', '--list', 'lockstep/initramfs')).to.equal('');
    expect(await ostree(dir, 'refs', '--list', 'lockstep/configured')).not.to.equal('');
  });
});
