import { pack } from 'tar-stream';
import { DataTree } from '../../src/deb/data-tree.ts';
import { collect, entryFor, inChunks } from './debs.ts';
import { MemorySink } from './memory-sink.ts';

const entry = entryFor(Buffer.alloc(0));

/** What a data.tar makes of an empty tree. */
export async function readTree(tar: Buffer, options = { digests: false }) {
  const sink = new MemorySink();
  const tree = new DataTree(entry, sink, options);
  await tree.read(inChunks(tar, 4096), async () => {});
  return { tree, sink, listed: sink.list(tree.root) };
}

export type Member = Parameters<ReturnType<typeof pack>['entry']>[0];

/** A tar of members that no file system could hold. */
export async function tarOf(...members: Member[]): Promise<Buffer> {
  const tar = pack();
  for (const member of members) tar.entry(member, member.type === undefined ? 'content' : '');
  tar.finalize();
  return await collect(tar as unknown as AsyncIterable<Buffer>);
}

/** Puts the right checksum into the first header. */
export function resum(tar: Buffer): void {
  tar.fill(' ', 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}
