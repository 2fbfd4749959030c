import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { parseLockfile } from '../../src/apt/lockfile.ts';
import { lockstepOk } from './lockstep.ts';
import { builtPanel, temporaryDirectory } from './projects.ts';

interface BuildOutcome {
  images: { commit: string; stages: { name: string; cached: boolean }[] }[];
}

describe('a build after one package changed', function () {
  this.timeout(20 * 60_000);
  let dir: string;

  before(async () => {
    const panel = await builtPanel();
    dir = await temporaryDirectory('changed');
    for (const name of await readdir(panel.dir)) {
      if (name !== '.lockstep') await cp(path.join(panel.dir, name), path.join(dir, name), { recursive: true });
    }
    await mkdir(path.join(dir, '.lockstep'));
    // Links are enough: ostree never writes into what is there.
    const [repo, apt] = ['repo', 'apt'].map((name) => path.join(panel.dir, '.lockstep', name));
    await execa('cp', ['-al', String(repo), String(apt), path.join(dir, '.lockstep')]);
  });

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

  /** Puts another version of a package, with more in one of its files, into the lockfile. */
  async function change(name: string, file: string): Promise<void> {
    const lockfile = path.join(dir, 'panel.lock');
    const text = await readFile(lockfile, 'utf8');
    const { packages } = parseLockfile(text, lockfile);
    const old = packages.find((entry) => entry.package === name);
    if (old === undefined) throw new Error(`the example has no ${name}`);
    const tree = path.join(dir, `${name}.tree`);
    const repo = `--repo=${dir}/.lockstep/repo`;
    await execa('ostree', [repo, 'checkout', '--force-copy', `dpkg/data/${old.sha256}`, tree]);
    await execa('ostree', [repo, 'checkout', '--force-copy', '--union', `dpkg/control/${old.sha256}`, tree]);
    await appendFile(path.join(tree, file), '# a later version\n');
    await mkdir(path.join(tree, 'DEBIAN'));
    const info = path.join(tree, 'var/lib/dpkg/info');
    for (const entry of await readdir(info)) {
      const kind = entry.slice(entry.lastIndexOf('.') + 1);
      if (kind !== 'list') await rename(path.join(info, entry), path.join(tree, 'DEBIAN', kind));
    }
    const [control = ''] = await readdir(path.join(tree, 'var/lib/dpkg/lockstep'));
    const fields = await readFile(path.join(tree, 'var/lib/dpkg/lockstep', control), 'utf8');
    await writeFile(path.join(tree, 'DEBIAN/control'), fields.replace(/^Version: .*/m, '$&+later'));
    await rm(path.join(tree, 'var/lib/dpkg'), { recursive: true });
    const deb = path.join(dir, `${name}.deb`);
    await execa('dpkg-deb', ['--build', '-Znone', tree, deb]);
    const bytes = await readFile(deb);
    const stanza = text.split('\n\n').find((one) => one.startsWith(`Package: ${name}\n`)) ?? '';
    const later = stanza
      .replace(/^Version: .*/m, '$&+later')
      .replace(/^Filename: .*/m, `Filename: ./${name}.deb`)
      .replace(/^Size: .*/m, `Size: ${bytes.length}`)
      .replace(/^SHA256: .*/m, `SHA256: ${createHash('sha256').update(bytes).digest('hex')}`);
    await writeFile(lockfile, text.replace(stanza, later));
  }

  it('keeps the initramfs when dracut read nothing of the package, and gives what a build from nothing gives', async () => {
    await change('openssh-sftp-server', 'usr/lib/openssh/sftp-server');
    const changed = await build();
    expect(changed.made).to.deep.equal(['import', 'merge', 'configure', 'finalize']);
    expect(await buildAnew()).to.equal(changed.commit);
  });

  it('makes the initramfs anew when dracut read a file of it', async () => {
    const before = (await build()).commit;
    await change('ostree-boot', 'usr/lib/dracut/modules.d/98ostree/module-setup.sh');
    const changed = await build();
    expect(changed.made).to.include('initramfs');
    expect(changed.commit).not.to.equal(before);
  });
});
