import { Unxz } from 'node-liblzma';

/** Plain bytes that are asked for at a time: what a decoder may run ahead of its reader. */
const outputLength = 128 * 1024;

/** `lzma_ret` and `lzma_action` of liblzma's base.h. */
const [ok, streamEnd] = [0, 1];
const [run, finish] = [0, 3];
const reasons: Readonly<Record<number, string>> = {
  5: 'out of memory',
  6: 'more memory than is allowed',
  7: 'not xz',
  8: 'an xz variant that is not known',
  9: 'damaged',
  10: 'it breaks off',
};

/** What one call of the decoder has done: a code, and the room that is left of input and output. */
type Step = [code: number, availableIn: number, availableOut: number];

/** What the library's types leave out. */
interface Native {
  code(
    action: number,
    input: Buffer,
    at: number,
    length: number,
    output: Buffer,
    outputAt: number,
    done: (...step: Step) => boolean,
  ): void;
}

/** The library's stream pushes all that a piece of input holds, however much that is; its decoder can be asked for less. */
class Decoder extends Unxz {
  step(action: number, input: Buffer, at: number, output: Buffer): Promise<Step> {
    return new Promise((resolve) => {
      const { lzma } = this as unknown as { lzma: Native };
      lzma.code(action, input, at, input.length - at, output, 0, (...step) => {
        resolve(step);
        return false;
      });
    });
  }
}

/**
 * The plain bytes of an xz file, decoded by liblzma on a thread of Node's pool, a piece whenever one is asked for; with
 * `reuse` it takes the place of the one before. Throws for what is damaged or breaks off.
 */
export async function* unxz(source: AsyncIterable<Buffer>, { reuse = false } = {}): AsyncGenerator<Buffer, void, void> {
  const decoder = new Decoder({ chunkSize: 1 });
  const place = Buffer.allocUnsafeSlow(outputLength);
  const output = () => (reuse ? place : Buffer.allocUnsafeSlow(outputLength));
  try {
    for await (const input of source) yield* decoded(decoder, run, input, output);
    yield* decoded(decoder, finish, Buffer.alloc(0), output);
  } finally {
    decoder.close();
  }
}

async function* decoded(
  decoder: Decoder,
  action: number,
  input: Buffer,
  place: () => Buffer,
): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; ; ) {
    const output = place();
    const [code, availableIn, availableOut] = await decoder.step(action, input, at, output);
    if (code !== ok && code !== streamEnd) throw new Error(`xz: ${reasons[code] ?? `error ${code}`}`);
    if (availableOut < outputLength) yield output.subarray(0, outputLength - availableOut);
    at = input.length - availableIn;
    // Output that was filled up may hide more.
    if (availableIn === 0 && availableOut > 0) return;
  }
}
