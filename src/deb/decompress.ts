import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { throughDecoder } from './through-decoder.ts';
import { unzstd } from './unzstd.ts';

/** Node 22 has a native decoder for zstd, Node 20 has not. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex };

/**
 * The plain bytes of a deb's member by the suffix of its name: `.xz`, `.gz`, `.zst` or none; null for any other.
 * Damaged and truncated input ends the iteration with the decoder's error. With `reuse` a chunk may take the place of the one
 * before: it saves the collecting of hundreds of megabytes, where each is read before the next is asked for.
 */
export function decompress(
  name: string,
  source: AsyncIterable<Buffer>,
  options: { reuse?: boolean } = {},
): AsyncIterable<Buffer> | null {
  switch (/\.tar(.*)$/.exec(name)?.[1]) {
    case '':
      return source;
    case '.xz':
      return unxz(source, options);
    case '.gz':
      return throughDecoder(source, zlib.createGunzip());
    case '.zst':
      return createZstdDecompress === undefined ? unzstd(source) : throughDecoder(source, createZstdDecompress());
    default:
      return null;
  }
}

/** Both decoders are loaded late: an addon that this system's libc is too old for must not keep the agent from starting. */
async function* unxz(source: AsyncIterable<Buffer>, options: { reuse?: boolean }): AsyncGenerator<Buffer, void, void> {
  const fast = await import('./unxz.ts').catch(() => null);
  yield* fast === null ? (await import('./unxz-slow.ts')).unxzSlowly(source) : fast.unxz(source, options);
}
