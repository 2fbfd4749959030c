import { parentPort } from 'node:worker_threads';
import { mutated } from './mutate.ts';
import { Random } from './random.ts';
import type { FuzzedReader, FuzzJob, FuzzResult } from './reader.ts';
import { readers } from './readers.ts';

/** Of buffers, which the limit of the thread's heap does not count. */
const memoryLimit = 512 * 1024 * 1024;

parentPort?.on('message', async (job: FuzzJob) => parentPort?.postMessage(await run(job)));

async function run({ reader: name, samples, seed, count, sizeLimit, progress }: FuzzJob): Promise<FuzzResult> {
  const reader = readers[name]!;
  const at = new Int32Array(progress);
  const inputs = samples.map((bytes) => Buffer.from(bytes));
  let accepted = 0;
  for (let index = 0; index < count; index++) {
    Atomics.store(at, 0, index);
    const input = inputOf(inputs, seed, index, sizeLimit);
    reader.mend?.(input);
    const problem = (await problemWith(reader, input)) ?? (index % 64 === 0 ? hoarding() : null);
    if (problem === null) accepted += 1;
    else if (problem !== '') return { accepted, failure: { index, problem: `${problem}\n${shown(input)}` } };
  }
  return { accepted, failure: null };
}

/** Of its number alone, so that one that went wrong can be made again without those before it. */
function inputOf(samples: readonly Buffer[], seed: number, index: number, sizeLimit: number): Buffer {
  const random = new Random(seed, index);
  return mutated(random.one(samples), random, sizeLimit);
}

/** null: read; empty: refused as it should be. */
async function problemWith(reader: FuzzedReader, input: Buffer): Promise<string | null> {
  try {
    await reader.read(input);
  } catch (error) {
    const complaint = reader.complaint(error, input);
    return complaint === null ? '' : `${complaint}: ${error instanceof Error ? error.stack : String(error)}`;
  }
  return null;
}

function hoarding(): string | null {
  const { arrayBuffers } = process.memoryUsage();
  return arrayBuffers > memoryLimit ? `it holds ${arrayBuffers} bytes of buffers` : null;
}

function shown(input: Buffer): string {
  return `input of ${input.length} bytes: ${JSON.stringify(input.toString('latin1', 0, 600))}`;
}
