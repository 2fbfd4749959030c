import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { expect } from 'chai';
import { execa } from 'execa';
import { readNewc } from './newc.ts';
import { builtPanel, temporaryDirectory } from './projects.ts';

/** Drivers that dracut takes whole when an initramfs is for any machine (its modules kernel-modules, crypt, i18n). */
const wholeDirectories = [
  ...['ata', 'clk', 'gpio', 'hid', 'i2c/busses', 'mfd', 'mmc', 'nvme/host', 'phy', 'pinctrl', 'power', 'regulator'],
  ...['rpmsg', 'rtc', 'soc', 'spi', 'usb/dwc3', 'usb/host', 'usb/misc', 'usb/phy', 'usb/storage'],
].map((directory) => `drivers/${directory}`);

/** What boots the virtual device and most boards. */
const named = ['virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio_pci', 'ext4', 'overlay', 'usb-storage', 'dm-crypt'];

const armMachine = 40;

describe('the example as it is built', function () {
  this.timeout(30 * 60_000);
  let root: string;
  let modules: string;
  /** Content by name. */
  let initramfs: Map<string, Buffer>;

  before(async () => {
    const { dir, commit } = await builtPanel();
    root = `${await temporaryDirectory('example')}/root`;
    await execa('ostree', [`--repo=${dir}/.lockstep/repo`, 'checkout', '--user-mode', commit, root]);
    const [release = ''] = await readdir(`${root}/usr/lib/modules`);
    modules = `usr/lib/modules/${release}`;
    initramfs = readNewc(await promisify(gunzip)(await readFile(`${root}/${modules}/initramfs.img`)));
  });

  const modulesIn = (names: Iterable<string>, directory = '') =>
    [...names].filter((name) => name.startsWith(`${modules}/kernel/${directory}`) && name.endsWith('.ko')).sort();

  /** The kernel modules of the image, as this machine's own programs list them. */
  async function modulesOfImage(directory: string): Promise<string[]> {
    const entries = await readdir(`${root}/${modules}/kernel/${directory}`, { recursive: true });
    const names = entries.map((entry) => `${modules}/kernel/${directory}/${entry}`);
    return names.filter((name) => name.endsWith('.ko')).sort();
  }

  describe('has an initramfs that', () => {
    for (const directory of wholeDirectories) {
      it(`has every module of ${directory} that the image has`, async () => {
        const wanted = await modulesOfImage(directory);
        expect(wanted, 'of the image').to.not.deep.equal([]);
        expect(modulesIn(initramfs.keys(), `${directory}/`)).to.deep.equal(wanted);
      });
    }

    it('has more than a fifth of all modules', async () => {
      const all = await modulesOfImage('');
      expect(modulesIn(initramfs.keys()).length).to.be.greaterThan(all.length / 5);
    });

    it('has the drivers of the virtual device, of disks, sticks and encrypted file systems', async () => {
      const builtIn = await readFile(`${root}/${modules}/modules.builtin`, 'utf8');
      const there = [...modulesIn(initramfs.keys()), ...builtIn.split('\n')].map((name) => path.basename(name, '.ko'));
      expect(there.map(asKernelSays)).to.include.members(named.map(asKernelSays));
    });

    it('has whatever its modules depend on', async () => {
      const dependencies = await readFile(`${root}/${modules}/modules.dep`, 'utf8');
      const lines = dependencies.split('\n').map((line) => line.split(/:? /));
      const there = new Set(modulesIn(initramfs.keys()));
      const lacking = lines
        .filter(([name]) => there.has(`${modules}/${name?.replace(/:$/, '')}`))
        .flatMap(([, ...needed]) => needed.filter((name) => name !== '' && !there.has(`${modules}/${name}`)));
      expect(lacking).to.deep.equal([]);
    });

    it('boots by systemd into a deployment of ostree', () => {
      expect([...initramfs.keys()]).to.include.members([
        'init',
        'usr/lib/systemd/systemd',
        'usr/lib/systemd/systemd-udevd',
        'usr/lib/ostree/ostree-prepare-root',
        'usr/lib/systemd/system/ostree-prepare-root.service',
      ]);
    });

    it('has programs and libraries of its own architecture alone', () => {
      const programs = [...initramfs].filter(([, content]) => isElf(content));
      expect(programs.length).to.be.greaterThan(200);
      expect(programs.filter(([, content]) => machineOf(content) !== armMachine).map(([name]) => name)).to.deep.equal(
        [],
      );
    });

    it('knows nothing of how and where it was made', () => {
      const strange = [...initramfs].filter(([name, content]) => tells(name, content));
      expect(strange.map(([name]) => name)).to.deep.equal([]);
    });
  });

  it('has programs and libraries of its own architecture alone, and knows nothing of how and where it was made', async () => {
    const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.length).to.be.greaterThan(5000);
    for (const entry of files) {
      const name = path.relative(root, path.join(entry.parentPath, entry.name));
      const content = await readFile(path.join(root, name));
      if (isElf(content)) expect(machineOf(content), name).to.equal(armMachine);
      expect(tells(name, content), name).to.equal(false);
    }
  });
});

/** The kernel takes - and _ in names of modules for the same. */
const asKernelSays = (name: string) => name.replaceAll('-', '_');

const isElf = (content: Buffer) => content.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));

const machineOf = (content: Buffer) => content.readUInt16LE(18);

/** Traces of native tools and of the directories of a build. */
function tells(name: string, content: Buffer): boolean {
  const words = ['lockstep-native', 'lockstep-dispatch', '.lockstep/work'];
  return (
    /(^|\/)(\.lockstep|lockstep-native)(\/|$)|x86_64-linux/.test(name) || words.some((word) => content.includes(word))
  );
}
