import { CheckedSource } from '../deb/checked-source.ts';
import { controlTree } from '../deb/control-tree.ts';
import { DataTree } from '../deb/data-tree.ts';
import { endOfTar } from '../deb/gnu-header.ts';
import { openDeb } from '../deb/open.ts';
import { type LockedDeb, nameOf } from '../deb/package.ts';
import { commitArgv } from '../ostree/commit.ts';
import type { CommitStream, CommitWorker } from '../ostree/commit-worker.ts';

/** The ref that holds a deb's files. */
export function dataRef({ sha256 }: Pick<LockedDeb, 'sha256'>): string {
  return `dpkg/data/${sha256}`;
}

/** The ref that holds a deb's part of dpkg's database. */
export function controlRef({ sha256 }: Pick<LockedDeb, 'sha256'>): string {
  return `dpkg/control/${sha256}`;
}

/** What a deb's import has for itself: a worker, and a view of the repository for each of its two commits. */
export interface CommitPlace {
  worker: CommitWorker;
  views: readonly [string, string];
}

/**
 * Commits a deb to its two refs while it arrives. The data's commit is made last, and only when the whole deb has proved
 * to be the pinned one: until then its tar has no end. Throws E_DEB_CHECKSUM, E_DEB_FORMAT, E_DEB_HOSTILE, what the source
 * throws, and what the worker does; no ref is made then. The commits are not waited for to be on the disk.
 */
export async function importDeb(
  deb: LockedDeb,
  source: AsyncIterable<Buffer>,
  { worker, views }: CommitPlace,
): Promise<void> {
  const checked = new CheckedSource(source, deb);
  const begin = (repo: string, ref: string) =>
    worker.begin(commitArgv(['tar=/dev/stdin'], { repo, ref, subject: nameOf(deb), durable: false }));
  const data = begin(views[0], dataRef(deb));
  try {
    const control = await streamData(deb, checked, data);
    await begin(views[1], controlRef(deb)).end(control);
    await data.end(endOfTar);
  } catch (error) {
    await data.drop();
    throw await checked.judge(error);
  } finally {
    await checked.close();
  }
}

/** Sends all of the data's tar but its end; returns the control tree of what has proved to be the pinned deb. */
async function streamData(deb: LockedDeb, checked: CheckedSource, data: CommitStream): Promise<Buffer> {
  const { control, data: tar, finish, close } = await openDeb(checked.bytes(), deb);
  try {
    const tree = new DataTree(deb, { digests: !control.some((file) => file.name === 'md5sums') });
    for await (const chunk of tree.rewrite(tar)) await data.write(chunk);
    await finish();
    checked.check();
    return controlTree(deb, control, tree);
  } finally {
    await close();
  }
}
