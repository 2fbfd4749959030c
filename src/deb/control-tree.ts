import { type ControlFile, controlFields } from './control.ts';
import { endOfTar, gnuHeader, padding } from './gnu-header.ts';
import type { LockedDeb } from './package.ts';

/** What the data tree yields for dpkg's database. */
export interface Listing {
  /** Lines of `.list` (latin1). */
  paths: readonly string[];
  /** MD5 by path without leading slash, in the order of `.md5sums` (latin1). */
  digests: ReadonlyMap<string, string>;
}

/**
 * A package's part of dpkg's database as a whole tar, in its final place, so that those of all packages can be laid over
 * each other: `/var/lib/dpkg/info/NAME.*` as after `dpkg --unpack`, and the control file, of which the status file is
 * made later, as `/var/lib/dpkg/lockstep/PACKAGE_ARCHITECTURE.control`.
 */
export function controlTree(deb: LockedDeb, control: readonly ControlFile[], listing: Listing): Buffer {
  const fields = controlFields(control, deb);
  const name = fields.multiArchSame ? `${fields.package}:${fields.architecture}` : fields.package;
  const parts: Buffer[] = [];
  for (const directory of ['.', './var', './var/lib', dpkg, `${dpkg}/info`, `${dpkg}/lockstep`]) {
    parts.push(gnuHeader({ name: directory, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0 }));
  }
  for (const file of infoFiles(control, listing)) parts.push(...fileParts(`info/${name}.${file.name}`, file));
  const description = control.find((file) => file.name === 'control');
  if (description) parts.push(...fileParts(`lockstep/${fields.package}_${fields.architecture}.control`, description));
  return Buffer.concat([...parts, endOfTar]);
}

const dpkg = './var/lib/dpkg';

/** dpkg writes the file list itself, whatever the deb says, and the checksums where the deb has none. */
function infoFiles(control: readonly ControlFile[], listing: Listing): ControlFile[] {
  const files = control.filter((file) => file.name !== 'control' && file.name !== 'list');
  const paths = listing.paths.map((path) => `${path}\n`).join('');
  files.push({ name: 'list', mode: 0o644, content: Buffer.from(paths, 'latin1') });
  if (!files.some((file) => file.name === 'md5sums')) {
    const lines = [...listing.digests].map(([path, digest]) => `${digest}  ${path}\n`).join('');
    files.push({ name: 'md5sums', mode: 0o644, content: Buffer.from(lines, 'latin1') });
  }
  return files;
}

function fileParts(path: string, file: ControlFile): Buffer[] {
  const size = file.content.length;
  const header = gnuHeader({ name: `${dpkg}/${path}`, type: 'file', mode: file.mode, uid: 0, gid: 0, size });
  return [header, file.content, padding(size)];
}
