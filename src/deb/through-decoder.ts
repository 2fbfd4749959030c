import { type Duplex, Readable } from 'node:stream';

/** Some bindings decode a whole slice of input before they heed backpressure: small slices bound what piles up. */
const sliceLength = 16 * 1024;

/** What a decoder that is a stream makes of a source. Both are closed when the iteration is left. */
export async function* throughDecoder(
  source: AsyncIterable<Buffer>,
  decoder: Duplex,
): AsyncGenerator<Buffer, void, void> {
  const input = Readable.from(slices(source), { objectMode: false, highWaterMark: 4 * sliceLength });
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

async function* slices(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += sliceLength) yield chunk.subarray(at, at + sliceLength);
  }
}
