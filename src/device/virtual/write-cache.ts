import { type FileHandle, open } from 'node:fs/promises';

/** One write to a disk, or with length 0 a mere flush, as qemu's `blklogwrites` records it. */
export interface RecordedWrite {
  /** Where it went, in bytes from the start of the disk. */
  at: number;
  length: number;
  /** Whether everything before it was on the medium when it ended. */
  flush: boolean;
  /** Whether it was itself on the medium when it ended. */
  durable: boolean;
  /** Where its data is in the record. */
  data: number;
}

const sectorSize = 512;
/** Flags of an entry (Linux, drivers/md/dm-log-writes.c, whose format it is). */
const [flushFlag, fuaFlag, discardFlag] = [1n, 2n, 4n];

/**
 * Reads the record of a disk's writes: a sector with a head, then for each entry one with sector, count, flags, all in 64
 * bits little-endian, and the data. The head's count of entries is as old as the last flush, so the file's end counts.
 */
export async function readWrites(file: FileHandle): Promise<RecordedWrite[]> {
  const { size } = await file.stat();
  const writes: RecordedWrite[] = [];
  const entry = Buffer.alloc(sectorSize);
  for (let offset = sectorSize; offset + sectorSize <= size; ) {
    await file.read(entry, 0, sectorSize, offset);
    const flags = entry.readBigUInt64LE(16);
    const length = Number(entry.readBigUInt64LE(8)) * sectorSize;
    const stored = (flags & discardFlag) === 0n ? length : 0;
    const data = offset + sectorSize;
    // The machine was ended in the middle of this one.
    if (data + stored > size) break;
    const at = Number(entry.readBigUInt64LE(0)) * sectorSize;
    writes.push({ at, length: stored, flush: (flags & flushFlag) !== 0n, durable: (flags & fuaFlag) !== 0n, data });
    offset = data + stored;
  }
  return writes;
}

/**
 * Which writes a power cut leaves: all up to the last flush; of those after it the ones that were asked to be durable,
 * and any of the others, as the cache of a drive may have written them in any order.
 */
export function survivors(writes: readonly RecordedWrite[], random: () => number): RecordedWrite[] {
  const flushed = writes.findLastIndex(({ flush }) => flush);
  return writes.filter((write, index) => index <= flushed || write.durable || random() < 0.5);
}

/**
 * Turns a copy of the disk as it was when the machine started into what a power cut leaves of it.
 * Returns how many writes survived, and how many were lost.
 */
export async function replayAfterPowerCut(
  disk: string,
  record: string,
  random: () => number,
): Promise<{ kept: number; lost: number }> {
  const from = await open(record, 'r');
  const to = await open(disk, 'r+');
  try {
    const writes = await readWrites(from);
    const kept = survivors(writes, random);
    for (const { at, length, data } of kept) {
      const bytes = Buffer.alloc(length);
      await from.read(bytes, 0, length, data);
      await to.write(bytes, 0, length, at);
    }
    return { kept: kept.length, lost: writes.length - kept.length };
  } finally {
    await from.close();
    await to.close();
  }
}
