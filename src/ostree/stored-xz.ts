import { crc32 } from './crc32.ts';
import { varint } from './varint.ts';

/**
 * An xz file whose bytes are stored, not compressed ("The .xz File Format", 1.1; LZMA2's chunks as in liblzma's lzma2_decoder.c): for
 * who insists on xz, at the speed of a copy. One block, no check of its own. `length` is that of all bytes. What is yielded is valid until
 * the next piece is asked for, and 64 KiB long but for the first and the last.
 */
export async function* storedXz(bytes: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  yield Buffer.concat([streamHeader, blockHeader]);
  const chunk = Buffer.allocUnsafeSlow(chunkHead + chunkSize);
  let [at, isFirst] = [chunkHead, true];
  const full = () => {
    // The first one resets the dictionary.
    chunk[0] = isFirst ? 1 : 2;
    chunk.writeUInt16BE(at - chunkHead - 1, 1);
    const whole = chunk.subarray(0, at);
    [at, isFirst] = [chunkHead, false];
    return whole;
  };
  for await (const piece of bytes) {
    for (let start = 0; start < piece.length; ) {
      const copied = piece.copy(chunk, at, start);
      start += copied;
      at += copied;
      if (at === chunk.length) yield full();
    }
  }
  if (at > chunkHead) yield full();
  const compressed = compressedLength(length);
  const index = indexOf(blockHeader.length + compressed, length);
  yield Buffer.concat([Buffer.alloc(1 + padding(compressed)), index, footer(index.length)]);
}

/** Of the file, in bytes. */
export function storedXzLength(length: number): number {
  const compressed = compressedLength(length);
  const index = indexOf(blockHeader.length + compressed, length);
  return streamHeader.length + blockHeader.length + compressed + padding(compressed) + index.length + footerLength;
}

/** Of the block without its header: the chunks, and a byte that says that there are no more. */
function compressedLength(length: number): number {
  return length + chunkHead * Math.ceil(length / chunkSize) + 1;
}

/** What stands before a chunk's bytes: how it is stored, how many they are. */
const chunkHead = 3;

/** A chunk may hold 64 KiB; with what stands before them they are as many. */
const chunkSize = 64 * 1024 - chunkHead;

/** No check. */
const streamFlags = Buffer.alloc(2);

const streamHeader = withCrc(Buffer.concat([Buffer.from('fd377a585a00', 'hex'), streamFlags]), 6);

/** Its size (in fours, less one), no sizes of the block, the filter LZMA2 with a dictionary of 1 MiB. */
const blockHeader = withCrc(Buffer.from([2, 0, 0x21, 1, 16, 0, 0, 0]), 0);

function indexOf(unpadded: number, uncompressed: number): Buffer {
  const records = Buffer.from([0, 1, ...varint(unpadded), ...varint(uncompressed)]);
  return withCrc(Buffer.concat([records, Buffer.alloc(padding(records.length))]), 0);
}

const footerLength = 12;

function footer(indexLength: number): Buffer {
  const bytes = Buffer.alloc(footerLength);
  bytes.writeUInt32LE(indexLength / 4 - 1, 4);
  streamFlags.copy(bytes, 8);
  bytes.write('YZ', 10, 'latin1');
  bytes.writeUInt32LE(crc32(bytes.subarray(4, 10)), 0);
  return bytes;
}

function withCrc(bytes: Buffer, from: number): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(bytes.subarray(from)));
  return Buffer.concat([bytes, sum]);
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}
