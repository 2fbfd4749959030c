import type { Duplex } from 'node:stream';
import lzma from 'lzma-native';
import { throughDecoder } from './through-decoder.ts';

/** The decoder may not take more memory than this: xz -9 needs 65 MiB. */
const memoryLimit = 256 * 1024 * 1024;

/** Decodes xz as unxz.ts does, with liblzma 5.2: half as fast, but its addon can be loaded with an older libc. */
export function unxzSlowly(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  return throughDecoder(source, lzma.createStream('streamDecoder', { memlimit: memoryLimit }) as unknown as Duplex);
}
