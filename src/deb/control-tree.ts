import { Directory } from '../ostree/directory.ts';
import type { ObjectSink } from '../ostree/object-sink.ts';
import { type ControlFile, controlFields } from './control.ts';
import type { LockedDeb } from './package.ts';

/** What the data tree yields for dpkg's database. */
export interface Listing {
  /** Lines of `.list` (latin1). */
  paths: readonly string[];
  /** MD5 by path without leading slash, in the order of `.md5sums` (latin1). */
  digests: ReadonlyMap<string, string>;
}

/**
 * A package's part of dpkg's database as a tree, in its final place, so that those of all packages can be laid over
 * each other: `/var/lib/dpkg/info/NAME.*` as after `dpkg --unpack`, and the control file, of which the status file is
 * made later, as `/var/lib/dpkg/lockstep/PACKAGE_ARCHITECTURE.control`.
 */
export function controlTree(
  deb: LockedDeb,
  control: readonly ControlFile[],
  listing: Listing,
  sink: ObjectSink,
): Directory {
  const fields = controlFields(control, deb);
  const name = fields.multiArchSame ? `${fields.package}:${fields.architecture}` : fields.package;
  const root = new Directory();
  const dpkg = root.enter('var').enter('lib').enter('dpkg');
  const put = (directory: Directory, file: ControlFile, as: string) => {
    const attributes = { uid: 0, gid: 0, mode: file.mode, xattrs: [] };
    const content = sink.file(attributes, file.content.length, as);
    content.write(file.content);
    directory.files.set(as, { kind: 'file', checksum: content.end() });
  };
  const info = dpkg.enter('info');
  const aside = dpkg.enter('lockstep');
  for (const file of infoFiles(control, listing)) put(info, file, `${name}.${file.name}`);
  const description = control.find((file) => file.name === 'control');
  if (description) put(aside, description, `${fields.package}_${fields.architecture}.control`);
  return root;
}

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
