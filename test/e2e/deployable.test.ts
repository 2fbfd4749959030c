import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { deploy } from '../../src/commands/deploy.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { DeviceProject } from './device-project.ts';
import { lockstepOk, projectRoot } from './lockstep.ts';
import { importedCopy, linkRepo } from './panel-copy.ts';
import { builtPanel, ostree, temporaryDirectory } from './projects.ts';
import { resolveAnyhow } from './served-suites.ts';

const example = path.join(projectRoot, 'examples/panel');

/** The example with a host name and kernel arguments, of one suite. */
async function projectOf(suite: string): Promise<string> {
  const dir = await temporaryDirectory(`deployable-${suite}`);
  for (const part of ['overlay', 'tests'])
    await cp(path.join(example, part), path.join(dir, part), { recursive: true });
  await writeYaml(dir, suite, 'lockstep.one');
  if (suite !== 'bookworm') {
    await resolveAnyhow(dir);
    return dir;
  }
  // What the other tests have built already serves here too.
  const panel = await builtPanel();
  await mkdir(workspaceOf(dir).dir);
  await linkRepo(panel.dir, dir);
  await cp(path.join(panel.dir, 'panel.lock'), path.join(dir, 'panel.lock'));
  return dir;
}

async function writeYaml(dir: string, suite: string, karg: string): Promise<void> {
  const text = (await readFile(path.join(example, 'lockstep.yml'), 'utf8')).replaceAll('bookworm', suite);
  const settings = `    hostname: panel-${suite}\n    kargs: [${karg}, loglevel=5]\n`;
  await writeFile(path.join(dir, 'lockstep.yml'), text.replace(/^ {4}overlay:/m, `${settings}$&`));
}

async function build(dir: string, toolbox = 'host'): Promise<string> {
  const { images } = await lockstepOk(dir, ['build', '--toolbox', toolbox]);
  return (images as { commit: string }[])[0]?.commit ?? '';
}

for (const suite of ['bookworm', 'trixie']) {
  describe(`a commit of ${suite}`, function () {
    this.timeout(30 * 60_000);
    let dir: string;
    let commit: string;
    let project: DeviceProject;

    before(async () => {
      dir = await projectOf(suite);
      project = new DeviceProject(dir);
      commit = await build(dir);
    });

    after(async () => {
      await project?.lockstep(devices, {}, ['down', 'virt-1']);
    });

    const onDevice = (script: string) => project.onDevice(['sh', '-euc', script]);
    const cmdline = async () => (await onDevice('cat /proc/cmdline')).split(' ');

    it('is deployed by `ostree admin deploy` into a sysroot of this machine', async () => {
      const sysroot = path.join(await temporaryDirectory('sysroot'), 'sysroot');
      await mkdir(sysroot);
      const admin = (...args: string[]) =>
        execa('ostree', ['admin', ...args, `--sysroot=${sysroot}`], {
          env: { OSTREE_SYSROOT_DEBUG: 'mutable-deployments' },
        });
      await execa('ostree', ['admin', 'init-fs', '--modern', sysroot]);
      await admin('os-init', 'test');
      await execa('ostree', [`--repo=${sysroot}/ostree/repo`, 'pull-local', workspaceOf(dir).repo, commit]);
      await admin('deploy', '--os=test', '--karg=root=LABEL=root', commit);
      const deployment = path.join(sysroot, 'ostree/deploy/test/deploy', `${commit}.0`);
      expect((await readFile(path.join(deployment, 'etc/hostname'), 'utf8')).trim()).to.equal(`panel-${suite}`);
      expect(await readFile(path.join(deployment, 'etc/machine-id'), 'utf8')).to.equal('');
      expect(await readdir(path.join(deployment, 'var'))).to.deep.equal([]);
      const entry = await readFile(path.join(sysroot, 'boot/loader/entries/ostree-1-test.conf'), 'utf8');
      const [, kernel] = /^linux (\S+)$/m.exec(entry) ?? [];
      const files = await readdir(path.join(sysroot, 'boot', path.dirname(kernel ?? '')));
      expect(
        files.some((name) => name.startsWith('initramfs-')),
        'there is no initramfs',
      ).to.equal(true);
      const trees = await readdir(path.join(sysroot, 'boot', path.dirname(kernel ?? ''), 'dtb'), { recursive: true });
      expect(trees.filter((name) => name.endsWith('.dtb'))).to.have.length.greaterThan(100);
      expect(entry).to.match(/^options root=LABEL=root ostree=/m);
    });

    it('boots on the virtual device, whole and healthy', async () => {
      const outcome = await project.lockstep(devices, { fresh: true }, ['up', 'virt-1']);
      expect(outcome.outcome, outcome.message).to.equal('ok');
      expect(await onDevice('systemctl is-system-running --wait || systemctl --failed')).to.equal('running');
      expect(await onDevice('ostree admin status')).to.contain(commit);
      expect(await onDevice('. /etc/os-release; echo $VERSION_CODENAME')).to.equal(suite);
      expect(await onDevice('hostname')).to.equal(`panel-${suite}`);
      expect(await onDevice('cat /etc/machine-id')).to.match(/^[0-9a-f]{32}$/);
      expect(await cmdline()).to.include.members(['lockstep.one', 'loglevel=5', 'rw']);
    });

    it('lists its packages, though /usr can only be read', async () => {
      expect(await onDevice('touch /usr/x 2>/dev/null || echo read-only')).to.equal('read-only');
      const listed = await onDevice("dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\\n'");
      const lock = await readFile(path.join(dir, 'panel.lock'), 'utf8');
      const pinned = [...lock.matchAll(/^Package: (.+)$/gm)].map(([, name]) => `ii  ${name}`);
      expect(listed.split('\n').sort()).to.deep.equal(pinned.sort());
      expect(await onDevice('ls /usr/lib/linux-image-*/*.dtb | wc -l').then(Number)).to.be.greaterThan(100);
    });

    it('has the numbers of users and groups that are locked', async () => {
      const ids = (text: string) =>
        text
          .trim()
          .split('\n')
          .map((line) => line.split(':').slice(0, 3).join(':'))
          .sort();
      for (const name of ['passwd', 'group']) {
        const locked = await readFile(path.join(dir, `panel.${name}`), 'utf8');
        expect(ids(await onDevice(`cat /etc/${name}`))).to.deep.equal(ids(locked));
      }
    });

    // What the rest of the tests hold of bookworm alone.
    if (suite !== 'trixie') return;

    it('is what the docker toolbox builds, too', async () => {
      const copy = await importedCopy({ dir, commit, without: [] }, 'container');
      expect(await build(copy, 'docker')).to.equal(commit);
    });

    it('gets the kernel arguments of the next one that is deployed, and keeps the device’s own', async () => {
      await writeYaml(dir, suite, 'lockstep.two');
      commit = await build(dir);
      const outcome = await project.lockstep(deploy, {});
      expect(outcome.outcome, outcome.message).to.equal('ok');
      expect(await onDevice('ostree admin status')).to.contain(`* lockstep ${commit}`);
      const words = await cmdline();
      expect(words).to.include.members(['lockstep.two', 'loglevel=5', 'root=LABEL=root', 'console=ttyAMA0']);
      expect(words).not.to.include('lockstep.one');
      expect(await ostree(dir, 'rev-parse', 'panel/armhf')).to.equal(commit);
    });
  });
}
