import { type Duplex, Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import lzma from 'lzma-native';
import { unzstd } from './unzstd.ts';

/** The decoder may not take more memory than this: xz -9 needs 65 MiB. */
const memoryLimit = 256 * 1024 * 1024;

/** liblzma's binding decodes a whole slice of input before it heeds backpressure: small slices bound what piles up. */
const sliceLength = 16 * 1024;

/** Node 22 has a native decoder for zstd, Node 20 has not. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex };

/**
 * The plain bytes of a deb's member by the suffix of its name: `.xz`, `.gz`, `.zst` or none; null for any other.
 * Damaged and truncated input ends the iteration with the decoder's error.
 */
export function decompress(name: string, source: AsyncIterable<Buffer>): AsyncIterable<Buffer> | null {
  switch (/\.tar(.*)$/.exec(name)?.[1]) {
    case '':
      return source;
    case '.xz':
      return through(source, lzma.createStream('streamDecoder', { memlimit: memoryLimit }) as unknown as Duplex);
    case '.gz':
      return through(source, zlib.createGunzip());
    case '.zst':
      return createZstdDecompress === undefined ? unzstd(source) : through(source, createZstdDecompress());
    default:
      return null;
  }
}

async function* through(source: AsyncIterable<Buffer>, decoder: Duplex): AsyncGenerator<Buffer, void, void> {
  const input = Readable.from(slices(source, sliceLength), { objectMode: false, highWaterMark: 4 * sliceLength });
  input.once('error', (error) => decoder.destroy(error));
  input.pipe(decoder);
  try {
    yield* decoder as AsyncIterable<Buffer>;
  } finally {
    decoder.destroy();
    // Whoever reads the source next must be alone with it.
    if (!input.closed) await new Promise((resolve) => input.destroy().once('close', resolve));
  }
}

/** Cuts chunks into pieces of at most `length` bytes. */
async function* slices(source: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += length) yield chunk.subarray(at, at + length);
  }
}
