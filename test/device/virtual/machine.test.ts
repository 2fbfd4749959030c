import { expect } from 'chai';
import { workspaceOf } from '../../../src/config/workspace.ts';
import { deviceFiles } from '../../../src/device/virtual/files.ts';
import { rootBlocks } from '../../../src/device/virtual/layout.ts';
import { machineName, machineSpec } from '../../../src/device/virtual/machine.ts';

describe('the virtual machine', () => {
  const files = deviceFiles(workspaceOf('/home/me/a,b'), 'virt-1');

  it('has another name in another project', () => {
    const elsewhere = deviceFiles(workspaceOf('/home/me/other'), 'virt-1');
    expect(machineName(files, 'virt-1')).not.to.equal(machineName(elsewhere, 'virt-1'));
    expect(machineName(files, 'virt-1')).to.match(/^lockstep-[0-9a-f]{12}-virt-1$/);
  });

  it('listens on loopback only and reaches nothing itself', () => {
    const { argv } = machineSpec('name', files, 512, 4022);
    expect(argv.join(' ')).to.include('restrict=on,hostfwd=tcp:127.0.0.1:4022-:22');
  });

  it('starts U-Boot again on a reset, with no kernel of its own', () => {
    const { argv } = machineSpec('name', files, 512, 4022);
    expect(argv).to.include('-bios').and.not.to.include('-kernel').and.not.to.include('-no-reboot');
  });

  it('doubles commas in file names, as option lists of qemu want', () => {
    const { argv } = machineSpec('name', files, 512, 4022);
    expect(argv.join(' ')).to.include('file=/home/me/a,,b/.lockstep/devices/virt-1/disk.img');
  });

  it('goes on from a memory, with a clock of its own and its writes recorded, when it is told to', () => {
    const extras = { memory: 'snapshots/a b/memory', recordWrites: true, clock: '2001-02-03T04:05:06' };
    const text = machineSpec('name', files, 512, 4022, extras).argv.join(' ');
    expect(text)
      .to.include("-incoming exec:cat 'snapshots/a b/memory'")
      .and.to.include('-rtc base=2001-02-03T04:05:06');
    expect(text).to.include('driver=blklogwrites,node-name=disk,file=disk-file,log=writes');
    const usual = machineSpec('name', files, 512, 4022).argv.join(' ');
    for (const extra of ['-incoming', '-rtc', 'blklogwrites']) expect(usual).not.to.include(extra);
  });

  it('has a control socket whose path is short in any project', () => {
    expect(machineSpec('name', files, 512, 4022).argv).to.include('unix:control.sock,server=on,wait=off');
  });

  it('has a root file system that ends where the disk does', () => {
    expect(rootBlocks(1024) * 4096 + 2 * 1024 * 1024).to.equal(1024 * 1024 * 1024);
  });
});
