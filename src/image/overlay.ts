import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { LockstepError } from '../errors/index.ts';

/** One member of an overlay, as it will be in the image: owned by root, with modes that do not depend on a umask. */
export interface OverlayEntry {
  /** Relative to the root of the image. */
  name: string;
  kind: 'directory' | 'file' | 'symlink';
  mode: number;
  /** Where it lies here. */
  source: string;
  size: number;
  /** Target of a symlink, sha256 of a file's content. */
  identity: string;
}

/** All members of the overlays, sorted by name; of two with one name the later overlay's. Throws E_OVERLAY. */
export async function readOverlays(dirs: readonly string[]): Promise<OverlayEntry[]> {
  const entries = new Map<string, OverlayEntry>();
  for (const dir of dirs) {
    for (const entry of await readOverlay(dir)) entries.set(entry.name, entry);
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** sha256 of everything that an overlay puts into the image. */
export function overlayDigest(entries: readonly OverlayEntry[]): string {
  const hash = createHash('sha256');
  for (const { name, kind, mode, identity } of entries) hash.update(JSON.stringify([name, kind, mode, identity]));
  return hash.digest('hex');
}

/** The overlay as a tar stream for `tar --extract` in the toolbox, which thereby needs to see none of the directories. */
export function packOverlay(entries: readonly OverlayEntry[]): Readable {
  const tar = pack();
  void writeEntries(tar, entries).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  return Readable.from(tar);
}

async function writeEntries(tar: ReturnType<typeof pack>, entries: readonly OverlayEntry[]): Promise<void> {
  for (const { name, kind, mode, source, size, identity } of entries) {
    const header = { name, mode, uid: 0, gid: 0, mtime: new Date(0) };
    if (kind === 'file') await pipeline(createReadStream(source), tar.entry({ ...header, type: 'file', size }));
    else tar.entry({ ...header, type: kind, linkname: kind === 'symlink' ? identity : undefined });
  }
}

async function readOverlay(dir: string): Promise<OverlayEntry[]> {
  try {
    const names = (await readdir(dir, { recursive: true })).sort();
    return await Promise.all(names.map((name) => readEntry(dir, name)));
  } catch (cause) {
    if (cause instanceof LockstepError) throw cause;
    throw new LockstepError('E_OVERLAY', `cannot read the overlay ${dir}: ${(cause as Error).message}`, {
      hint: 'correct `overlay:` of the image in lockstep.yml',
      cause,
    });
  }
}

async function readEntry(dir: string, name: string): Promise<OverlayEntry> {
  const source = path.join(dir, name);
  const stat = await lstat(source);
  if (stat.isDirectory()) return { name, kind: 'directory', mode: 0o755, source, size: 0, identity: '' };
  if (stat.isSymbolicLink()) {
    return { name, kind: 'symlink', mode: 0o777, source, size: 0, identity: await readlink(source) };
  }
  if (!stat.isFile()) throw new LockstepError('E_OVERLAY', `${source} is neither a file, a directory nor a symlink`);
  const content = await readFile(source);
  const mode = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
  return {
    name,
    kind: 'file',
    mode,
    source,
    size: content.length,
    identity: createHash('sha256').update(content).digest('hex'),
  };
}
