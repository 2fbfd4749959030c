import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { LockstepError } from '../../errors/index.ts';
import type { DeviceFiles } from './files.ts';

const schema = z.object({
  /** Loopback port that leads to the device's sshd; null when it is down. */
  port: z.number().int().positive().nullable(),
  /** Fingerprint of the host key that lockstep put on the disk. */
  hostKey: z.string().startsWith('SHA256:'),
  /** The commit that the disk was made from. */
  commit: z.string().regex(/^[0-9a-f]{64}$/),
});

export type DeviceState = z.infer<typeof schema>;

/** The state of a virtual device, or null when it has none yet. */
export async function readState(files: DeviceFiles): Promise<DeviceState | null> {
  const text = await readFile(files.state, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LockstepError('E_DEVICE_PREPARE', `${files.state} is damaged`, {
      hint: 'Make the device anew with `lockstep devices up NAME --fresh`.',
      cause,
    });
  }
}

export async function writeState(files: DeviceFiles, state: DeviceState): Promise<void> {
  const temporary = `${files.state}.tmp`;
  await writeFile(temporary, `${JSON.stringify(state, null, 2)}\n`);
  await rename(temporary, files.state);
}
