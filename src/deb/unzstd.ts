import { Decompress } from 'fzstd';

/** What the reference decoder refuses by default too (ZSTD_WINDOWLOG_LIMIT_DEFAULT, 2^27). */
const windowLimit = 128 * 1024 * 1024;

/** The decoder hands out all that a slice expands to at once, 32,768-fold at worst: small slices bound what piles up. */
const sliceLength = 2 * 1024;

/** Longest header of a zstd frame that says how large its window is. */
const frameHeaderLength = 18;

/** Decompresses zstd in JavaScript. Throws the decoder's error for damaged or truncated input. */
export async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const output: Buffer[] = [];
  const decoder = new Decompress((plain) => {
    if (plain.length > 0) output.push(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength));
  });
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of source) {
    let input = chunk;
    if (head !== null) {
      input = Buffer.concat([head, chunk]);
      head = input.length < frameHeaderLength ? input : null;
      if (head !== null) continue;
      checkWindow(input);
    }
    for (let at = 0; at < input.length; at += sliceLength) {
      decoder.push(input.subarray(at, at + sliceLength));
      yield* output.splice(0);
    }
  }
  decoder.push(head ?? Buffer.alloc(0), true);
  yield* output.splice(0);
}

/** The decoder allocates whatever window the first frame names (RFC 8878, 3.1.1.1.2); a hostile one would take 2 GB. */
function checkWindow(frame: Buffer): void {
  const singleSegment = ((frame[4] ?? 0) >> 5) & 1;
  if (singleSegment === 1) return;
  const descriptor = frame[5] ?? 0;
  const base = 2 ** (10 + (descriptor >> 3));
  const window = base + (base / 8) * (descriptor & 7);
  if (window > windowLimit) throw new Error(`its zstd window of ${window} bytes is beyond ${windowLimit}`);
}
