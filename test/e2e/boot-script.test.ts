import { mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { counterSector, partitionTable, rootBlocks, rootSector, sectorSize } from '../../src/device/virtual/layout.ts';
import { bootScriptImage } from '../../src/image/trial/boot-script.ts';
import { armedSector, counterSize, idleSector, markerSector } from '../../src/image/trial/counter-sectors.ts';
import { crc32 } from '../../src/ostree/crc32.ts';
import { temporaryDirectory } from './projects.ts';

const mebibytes = 40;

/** What ostree writes for three deployments, kernels that are none: U-Boot itself is what is tried. */
const entries = ['new', 'old', 'older'].map((name, index) => {
  const suffix = index === 0 ? '' : String(index + 1);
  return `kernel_image${suffix}=/boot/ostree/${name}/vmlinuz
ramdisk_image${suffix}=/boot/ostree/${name}/initramfs.img
bootargs${suffix}=root=LABEL=root ostree=/ostree/boot.1/${name}/0
`;
});

describe('the boot script, in U-Boot', function () {
  this.timeout(120_000);
  let dir: string;
  let made = 0;

  before(async () => {
    dir = await temporaryDirectory('boot-script');
  });

  /** Starts a disk with these entries and sectors once. Returns what U-Boot printed, and the counter afterwards. */
  async function boot({
    counter,
    marker = true,
    deployments = 3,
    separate = false,
  }: Trial): Promise<[string, string[]]> {
    made += 1;
    const disk = path.join(dir, `disk-${made}.img`);
    const root = path.join(dir, `root-${made}`);
    const place = separate ? root : path.join(root, 'boot');
    await mkdir(path.join(place, 'loader'), { recursive: true });
    await writeFile(path.join(place, 'loader/uEnv.txt'), entries.slice(0, deployments).join(''));
    await writeFile(path.join(place, 'boot.scr'), bootScriptImage());
    for (const name of ['new', 'old', 'older']) {
      await mkdir(path.join(place, 'ostree', name), { recursive: true });
      for (const file of ['vmlinuz', 'initramfs.img']) await writeFile(path.join(place, 'ostree', name, file), name);
    }
    // ostree names the path as it is on the device; where /boot is a file system of its own, a link leads there.
    await symlink('.', path.join(place, 'boot'));
    await writeFile(disk, '');
    await truncate(disk, mebibytes * 1024 * 1024);
    await execa('sfdisk', ['--quiet', disk], { input: partitionTable });
    const features = ['-L', 'root', '-b', '4096', '-O', '^orphan_file,^metadata_csum_seed'];
    const offset = `offset=${rootSector * sectorSize}`;
    await execa('mkfs.ext4', ['-q', '-F', ...features, '-E', offset, '-d', root, disk, String(rootBlocks(mebibytes))]);
    const file = await open(disk, 'r+');
    if (counter !== undefined) await file.write(counter, 0, counterSize, counterSector * sectorSize);
    if (marker) await file.write(markerSector(), 0, counterSize, (counterSector + 1) * sectorSize);
    const machine = ['-M', 'virt,highmem=off', '-cpu', 'cortex-a15', '-m', '512', '-nic', 'none', '-no-reboot'];
    const drive = ['-drive', `if=none,id=disk,format=raw,file=${disk}`, '-device', 'virtio-blk-device,drive=disk'];
    const streams = ['-display', 'none', '-monitor', 'none', '-serial', 'stdio'];
    const firmware = ['-bios', '/usr/lib/u-boot/qemu_arm/u-boot.bin'];
    const { stdout } = await execa('qemu-system-arm', [...machine, ...firmware, ...drive, ...streams], {
      stdin: 'ignore',
      timeout: 90_000,
    });
    const sector = Buffer.alloc(counterSize);
    await file.read(sector, 0, counterSize, counterSector * sectorSize);
    await file.close();
    return [
      stdout,
      sector
        .subarray(4)
        .toString('latin1')
        .split('\0')
        .filter((line) => line !== ''),
    ];
  }

  interface Trial {
    counter?: Buffer;
    marker?: boolean;
    deployments?: number;
    separate?: boolean;
  }

  const started = (output: string) => /lockstep: starting \/boot\/ostree\/(\w+)\//.exec(output)?.[1];
  const sectorWith = (bootcount: number, settings = { boots: 3, fallback: 2 }) => {
    const text = armedSector(settings).toString('latin1').replace('bootcount=0', `bootcount=${bootcount}`);
    return withChecksum(Buffer.from(text, 'latin1'));
  };

  it('starts the first entry, and counts nothing, when nothing is on trial', async () => {
    const [output, counter] = await boot({ counter: idleSector() });
    expect(started(output)).to.equal('new');
    expect(output).not.to.include('on trial');
    expect(counter).to.deep.equal(['upgrade_available=0', 'bootcount=0']);
  });

  it('counts a boot on trial, and a kernel that cannot be loaded ends it', async () => {
    const [output, counter] = await boot({ counter: armedSector({ boots: 3, fallback: 2 }) });
    expect(output).to.include('lockstep: boot 1 of 3 on trial').and.to.include('lockstep: cannot start');
    expect(started(output)).to.equal('new');
    expect(counter).to.include.members(['upgrade_available=1', 'bootcount=1', 'bootlimit=3', 'fallback=2']);
  });

  it('takes the older entry after the last boot of a trial', async () => {
    expect(started((await boot({ counter: sectorWith(2) }))[0])).to.equal('new');
    const [output, counter] = await boot({ counter: sectorWith(3) });
    expect(started(output)).to.equal('old');
    expect(counter).to.include.members(['upgrade_available=1', 'bootcount=4']);
  });

  it('takes the entry that the counter names, where another deployment lies in between', async () => {
    expect(started((await boot({ counter: sectorWith(1, { boots: 1, fallback: 3 }) }))[0])).to.equal('older');
  });

  it('starts the only entry when there is no older one', async () => {
    const [output] = await boot({ counter: sectorWith(3), deployments: 1 });
    expect(started(output)).to.equal('new');
  });

  it('counts when the sector is damaged', async () => {
    const [output, counter] = await boot({ counter: Buffer.alloc(counterSize, 'x') });
    expect(output).to.include('lockstep: boot 1 of 3 on trial');
    expect(counter).to.include.members(['upgrade_available=1', 'bootcount=1']);
  });

  it('writes nothing to a partition that is not marked as a counter', async () => {
    const [output, counter] = await boot({ counter: Buffer.alloc(counterSize, 'x'), marker: false });
    expect(output).not.to.include('on trial');
    expect(started(output)).to.equal('new');
    expect(counter.join('')).to.match(/^x+$/);
  });

  it('finds its files on a file system of their own', async () => {
    const [output] = await boot({ counter: idleSector(), separate: true });
    expect(started(output)).to.equal('new');
    expect(output).to.include('zimage: Bad magic').and.not.to.include('Failed to load');
  });
});

function withChecksum(sector: Buffer): Buffer {
  sector.writeUInt32LE(crc32(sector.subarray(4)), 0);
  return sector;
}
