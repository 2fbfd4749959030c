import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VirtualDevice } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Progress } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { consoleSince, lastLines, lengthOf } from './console.ts';
import { control, untilStatus } from './control.ts';
import { copyDisk } from './copy-disk.ts';
import { type DeviceFiles, deviceFiles } from './files.ts';
import { freePort, type MachineExtras, machineName, machineSpec } from './machine.ts';
import type { SnapshotMeans } from './snapshot.ts';
import { type AboutSnapshot, readAbout, snapshotFiles } from './snapshot-files.ts';
import { readState, writeState } from './state.ts';
import { waitForBoot } from './wait.ts';

export interface RestoreOptions extends SnapshotMeans {
  progress: Progress;
  signal: AbortSignal;
  extras?: Omit<MachineExtras, 'memory'>;
}

/**
 * Takes a virtual device back to a snapshot, whatever it does now: to its disk, and when it ran then, it runs again when
 * this returns, from where it stood, on the port that it had before. Its clock goes on from then, too. Throws
 * E_NO_SUCH_SNAPSHOT, E_DEVICE_BOOT when it does not come to life.
 */
export async function restoreSnapshot(
  device: VirtualDevice,
  tag: string,
  options: RestoreOptions,
): Promise<{ port: number | null; commit: string }> {
  const { toolbox, workspace } = options;
  const files = deviceFiles(workspace, device.name);
  const about = await readAbout(device.name, files, tag);
  const name = machineName(files, device.name);
  const before = await readState(files).catch(() => null);
  await toolbox.stopDaemon(name, { kill: true });
  await copyDisk(toolbox, snapshotFiles(files, tag).disk, files.disk);
  const off = { port: null, hostKey: about.hostKey, commit: about.commit };
  await writeState(files, off);
  if (about.memory === null) return { port: null, commit: about.commit };
  const port = before?.port ?? (await freePort());
  try {
    await startFrom(device, files, { ...options, memory: snapshotFiles(files, tag).memory, about, port });
  } catch (error) {
    await toolbox.stopDaemon(name, { kill: true });
    await writeState(files, off);
    throw error;
  }
  return { port, commit: about.commit };
}

async function startFrom(
  device: VirtualDevice,
  files: DeviceFiles,
  options: RestoreOptions & { memory: string; about: AboutSnapshot; port: number },
): Promise<void> {
  const { toolbox, about, port } = options;
  const from = await lengthOf(files.console);
  const said = await lengthOf(files.qemuLog);
  if (options.extras?.recordWrites) await writeFile(files.writes, '');
  const name = machineName(files, device.name);
  const extras = { ...options.extras, memory: path.relative(files.dir, options.memory) };
  await toolbox.startDaemon(machineSpec(name, files, about.memory ?? device.memory, port, extras));
  await goOn(toolbox, files).catch(async (cause) => {
    const words = lastLines(await consoleSince(files.qemuLog, said), 3).join('\n') || (cause as Error).message;
    throw new LockstepError('E_DEVICE_BOOT', `virtual device ${device.name} does not go on: ${words}`, {
      hint: 'A snapshot goes on only in the version of qemu that made it.',
      cause,
    });
  });
  await writeState(files, { port, hostKey: about.hostKey, commit: about.commit });
  await waitForBoot(device, { ...options, from, onlyDeployment: false });
}

/** Waits until the machine has its memory back, then lets it run: told so earlier, it would go on standing still. */
async function goOn(toolbox: Toolbox, files: DeviceFiles): Promise<void> {
  await untilAnswers(toolbox, files);
  await untilStatus(toolbox, files, 'query-status', (status) => status !== 'inmigrate');
  await control(toolbox, files, [{ execute: 'cont' }]);
}

/** Its control socket is there a moment after its start. */
async function untilAnswers(toolbox: Toolbox, files: DeviceFiles): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      await control(toolbox, files, []);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
