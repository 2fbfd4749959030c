import { CheckedSource } from '../../deb/checked-source.ts';
import { controlTree } from '../../deb/control-tree.ts';
import { DataTree } from '../../deb/data-tree.ts';
import { openDeb } from '../../deb/open.ts';
import { type LockedDeb, nameOf } from '../../deb/package.ts';
import type { Directory } from '../../ostree/directory.ts';
import type { ObjectSink } from '../../ostree/object-sink.ts';
import type { ObjectWriter } from '../../ostree/object-writer.ts';
import { commitOf } from '../../ostree/objects.ts';

/** Raised when other commits would be made of the same debs. */
export const importFormat = '1';

/** The ref that holds a deb's files. */
export function dataRef({ sha256 }: Pick<LockedDeb, 'sha256'>): string {
  return `dpkg/data/${sha256}`;
}

/** The ref that holds a deb's part of dpkg's database. */
export function controlRef({ sha256 }: Pick<LockedDeb, 'sha256'>): string {
  return `dpkg/control/${sha256}`;
}

/** What takes a deb's objects, and its refs once it is proven. */
export type DebWriter = ObjectSink & Pick<ObjectWriter, 'drained' | 'publish'>;

/**
 * Commits a deb to its two refs while it arrives. The commits and refs are made only when the whole deb has proved to be the
 * pinned one. Throws E_DEB_CHECKSUM, E_DEB_FORMAT, E_DEB_HOSTILE, what the source throws, and what the writer does; no ref
 * is made then. `paced` is awaited now and then while much is sent. Nothing is waited for to be on the disk.
 */
export async function importDeb(
  deb: LockedDeb,
  source: AsyncIterable<Buffer>,
  writer: DebWriter,
  paced = () => writer.drained(),
): Promise<void> {
  const checked = new CheckedSource(source, deb);
  try {
    const { control, data } = await readTrees(deb, checked, writer, paced);
    const commit = (root: Directory) => writer.metadata('commit', commitOf(nameOf(deb), root.write(writer)));
    await writer.publish([
      [controlRef(deb), commit(control)],
      [dataRef(deb), commit(data)],
    ]);
  } catch (error) {
    throw await checked.judge(error);
  } finally {
    await checked.close();
  }
}

/** Sends the contents of a deb's two trees; returns them when it has proved to be the pinned one. */
async function readTrees(
  deb: LockedDeb,
  checked: CheckedSource,
  writer: DebWriter,
  paced: () => Promise<void>,
): Promise<{ control: Directory; data: Directory }> {
  const { control, data, finish, close } = await openDeb(checked.bytes(), deb);
  try {
    const tree = new DataTree(deb, writer, { digests: !control.some((file) => file.name === 'md5sums') });
    await tree.read(data, paced);
    await finish();
    checked.check();
    return { control: controlTree(deb, control, tree, writer), data: tree.root };
  } finally {
    await close();
  }
}
