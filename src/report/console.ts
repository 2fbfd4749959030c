import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { deviceFiles } from '../device/virtual/files.ts';

const mostBytes = 4 * 1024 * 1024;

/** Keeps the end of a virtual device's serial console with the results: what it said when it did not come back. */
export async function keepConsole(device: DeviceConfig, workspace: Workspace): Promise<void> {
  if (!device.virtual) return;
  const text = await endOf(deviceFiles(workspace, device.name).console);
  if (text === null) return;
  const directory = path.join(workspace.run, 'devices', device.name);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'console.log'), text);
}

async function endOf(file: string): Promise<Buffer | null> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, mostBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
