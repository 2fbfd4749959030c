import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pack as createPack, type Pack } from 'tar-stream';
import { LockstepError } from '../errors/index.ts';

/** More than this is data that belongs into the image or on a server. */
const mostBytes = 256 * 1024 * 1024;

/**
 * The whole tests directory as one tar archive, data files and all: modes kept, owner root, times zero, sorted. Made
 * once and in memory, so that every device gets the same bytes and none can arrive cut.
 */
export async function packTests(dir: string): Promise<Buffer> {
  const archive = createPack();
  const chunks: Buffer[] = [];
  let bytes = 0;
  archive.on('data', (data) => {
    const chunk = data as Buffer;
    chunks.push(chunk);
    bytes += chunk.length;
  });
  const ended = new Promise<void>((resolve, reject) => archive.once('end', resolve).once('error', reject));
  await addFolder(archive, dir, '', () => {
    if (bytes > mostBytes) throw tooLarge(dir);
  });
  archive.finalize();
  await ended;
  return Buffer.concat(chunks);
}

async function addFolder(archive: Pack, root: string, folder: string, check: () => void): Promise<void> {
  for (const entry of (await readdir(path.join(root, folder))).sort()) {
    const name = path.posix.join(folder, entry);
    const file = path.join(root, name);
    const status = await lstat(file);
    const header = { name, mode: status.mode & 0o7777, mtime: new Date(0), uid: 0, gid: 0 };
    if (status.isDirectory()) {
      archive.entry({ ...header, type: 'directory' });
      await addFolder(archive, root, name, check);
    } else if (status.isSymbolicLink()) {
      archive.entry({ ...header, type: 'symlink', linkname: await readlink(file) });
    } else if (status.isFile()) {
      if (status.size > mostBytes) throw tooLarge(root);
      archive.entry({ ...header, type: 'file' }, await readFile(file));
    }
    check();
  }
}

function tooLarge(directory: string): LockstepError {
  return new LockstepError(
    'E_CONFIG_VALUE',
    `tests directory ${directory}: holds more than ${mostBytes / 2 ** 20} MiB`,
    {
      hint: 'It is sent to every device: keep large data in the image or fetch it in the test.',
    },
  );
}
