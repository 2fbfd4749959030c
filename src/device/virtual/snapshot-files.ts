import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { LockstepError } from '../../errors/index.ts';
import type { DeviceFiles } from './files.ts';

/** Where one snapshot of a virtual device is: `.lockstep/devices/<name>/snapshots/<tag>/`. */
export interface SnapshotFiles {
  dir: string;
  disk: string;
  /** The machine's memory and devices, as qemu saves them; only of a device that ran. */
  memory: string;
  about: string;
}

const schema = z.object({
  hostKey: z.string().startsWith('SHA256:'),
  commit: z.string().regex(/^[0-9a-f]{64}$/),
  /** MiB of the machine whose memory was saved; null: it was off. */
  memory: z.number().int().positive().nullable(),
});
export type AboutSnapshot = z.infer<typeof schema>;

/** Throws E_USAGE for a tag that is no plain name. */
export function snapshotFiles(files: DeviceFiles, tag: string): SnapshotFiles {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(tag)) {
    const message = `${JSON.stringify(tag)} is no name for a snapshot: letters, digits, dots, dashes, at most 64`;
    throw new LockstepError('E_USAGE', message);
  }
  return inDirectory(path.join(files.snapshots, tag));
}

/** Where a snapshot is while it is made. */
export function unfinished(files: DeviceFiles, tag: string): SnapshotFiles {
  return inDirectory(path.join(files.snapshots, `.${tag}.tmp`));
}

function inDirectory(dir: string): SnapshotFiles {
  const at = (file: string) => path.join(dir, file);
  return { dir, disk: at('disk.img'), memory: at('memory'), about: at('about.json') };
}

/** Throws E_NO_SUCH_SNAPSHOT, which names those that there are. */
export async function readAbout(device: string, files: DeviceFiles, tag: string): Promise<AboutSnapshot> {
  const { about } = snapshotFiles(files, tag);
  try {
    return schema.parse(JSON.parse(await readFile(about, 'utf8')));
  } catch (cause) {
    const tags = await snapshotTags(files);
    throw new LockstepError('E_NO_SUCH_SNAPSHOT', `virtual device ${device} has no whole snapshot ${tag}`, {
      hint: tags.length === 0 ? 'It has none.' : `It has ${tags.join(', ')}.`,
      cause,
    });
  }
}

/** Names of a device's snapshots, sorted. */
export async function snapshotTags(files: DeviceFiles): Promise<string[]> {
  const names = await readdir(files.snapshots).catch(() => []);
  return names.filter((name) => !name.startsWith('.')).sort();
}
