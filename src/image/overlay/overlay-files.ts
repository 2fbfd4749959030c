import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../../errors/index.ts';
import { type OverlayEntry, ownedByRoot } from './overlay-entry.ts';

/** The entries of an overlay and how to get the content of its files once more. */
export interface OverlayFiles {
  /** Sorted by name. */
  entries: OverlayEntry[];
  /** The files among the entries, in any order, each with its bytes. */
  contents(): AsyncIterable<{ name: string; body: AsyncIterable<Buffer> }>;
}

/** A directory of this machine: all of it belongs to root, and modes do not depend on a umask. Throws E_OVERLAY. */
export async function readDirectory(dir: string): Promise<OverlayFiles> {
  const names = (await readdir(dir, { recursive: true })).sort();
  const entries = await Promise.all(names.map((name) => readEntry(dir, name)));
  return {
    entries,
    contents: async function* () {
      for (const { name, kind } of entries) {
        if (kind === 'file') yield { name, body: createReadStream(path.join(dir, name)) };
      }
    },
  };
}

async function readEntry(dir: string, name: string): Promise<OverlayEntry> {
  const label = path.join(dir, name);
  const stat = await lstat(label);
  const bare = { name, label, size: 0, identity: '' };
  if (stat.isDirectory()) return ownedByRoot({ ...bare, kind: 'directory', mode: 0o755 });
  if (stat.isSymbolicLink()) {
    return ownedByRoot({ ...bare, kind: 'symlink', mode: 0o777, identity: await readlink(label) });
  }
  if (!stat.isFile()) throw new LockstepError('E_OVERLAY', `${label} is neither a file, a directory nor a symlink`);
  const content = await readFile(label);
  const mode = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
  const identity = createHash('sha256').update(content).digest('hex');
  return ownedByRoot({ ...bare, kind: 'file', mode, size: content.length, identity });
}
