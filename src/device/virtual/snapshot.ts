import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { VirtualDevice } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { control, untilStatus } from './control.ts';
import { copyDisk } from './copy-disk.ts';
import { type DeviceFiles, deviceFiles } from './files.ts';
import { machineName } from './machine.ts';
import { type AboutSnapshot, snapshotFiles, unfinished } from './snapshot-files.ts';
import { readState } from './state.ts';

export interface SnapshotMeans {
  toolbox: Toolbox;
  workspace: Workspace;
}

/**
 * Keeps a virtual device as it is: its disk, and when it runs, its memory, so that it can go on from there in a second
 * instead of booting. A device that runs stands still meanwhile. The tag's older snapshot is replaced once the new one
 * is whole. Throws E_DEVICE_DOWN when the device was never made.
 */
export async function takeSnapshot(device: VirtualDevice, tag: string, means: SnapshotMeans): Promise<AboutSnapshot> {
  const { toolbox, workspace } = means;
  const files = deviceFiles(workspace, device.name);
  const place = snapshotFiles(files, tag);
  const state = await readState(files);
  if (state === null) {
    throw new LockstepError('E_DEVICE_DOWN', `virtual device ${device.name} was never started`, {
      hint: `Start it with \`lockstep devices up ${device.name}\`.`,
    });
  }
  const running = await toolbox.daemonRunning(machineName(files, device.name));
  const about = { hostKey: state.hostKey, commit: state.commit, memory: running ? device.memory : null };
  const made = unfinished(files, tag);
  await rm(made.dir, { recursive: true, force: true });
  await mkdir(made.dir, { recursive: true });
  try {
    const keepDisk = () => copyDisk(toolbox, files.disk, made.disk);
    await (running ? whileSaved(toolbox, files, made.memory, keepDisk) : keepDisk());
    await writeFile(made.about, `${JSON.stringify(about, null, 2)}\n`);
    await rm(place.dir, { recursive: true, force: true });
    await rename(made.dir, place.dir);
    return about;
  } finally {
    await rm(made.dir, { recursive: true, force: true });
  }
}

/** Saves the machine's memory, does `work` while the machine stands still, and lets it go on, whatever happens. */
async function whileSaved(toolbox: Toolbox, files: DeviceFiles, memory: string, work: () => Promise<void>) {
  try {
    await control(toolbox, files, [
      { execute: 'stop' },
      { execute: 'migrate-set-parameters', arguments: { 'max-bandwidth': 10_000_000_000 } },
      { execute: 'migrate', arguments: { uri: `exec:cat > ${path.relative(files.dir, memory)}` } },
    ]);
    await untilStatus(toolbox, files, 'query-migrate', (status) => {
      if (status === 'failed') throw new LockstepError('E_TOOL_FAILED', `qemu cannot save the memory to ${memory}`);
      return status === 'completed';
    });
    await work();
  } finally {
    await control(toolbox, files, [{ execute: 'cont' }]);
  }
}
