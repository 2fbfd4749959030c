import { Worker } from 'node:worker_threads';
import type { FuzzJob, FuzzResult } from './reader.ts';

/** No input takes more than milliseconds; the rest is for a machine that has other work. */
const silenceMs = 10_000;

/** `LOCKSTEP_TEST_SEED` draws other inputs, or those of a failure again. */
export const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 20_261_124);

export interface FuzzOptions {
  count?: number;
  sizeLimit?: number;
}

/** A thread has loaders of its own. */
const inTypeScript = `
const { tsx, thread } = require('node:worker_threads').workerData;
import(tsx).then(({ register }) => { register(); return import(thread); });
`;

/**
 * Feeds readers with mutated inputs in a thread, which has little memory and can be ended in the middle of an input. One
 * for all readers: it takes longer to start than a reader takes for its inputs.
 */
export class FuzzThread {
  #worker: Worker | null = null;

  /**
   * Inputs grow to 256 KB at most by default: enough for work that grows with the square of a length to be felt.
   * Throws when a reader crashes, hangs or takes too much memory; says by which seed and input.
   */
  async feed(reader: string, samples: Uint8Array[], options: FuzzOptions = {}): Promise<FuzzResult> {
    const { count = 10_000, sizeLimit = 256 * 1024 } = options;
    const progress = new SharedArrayBuffer(4);
    const result = await this.#run({ reader, samples, seed, count, sizeLimit, progress });
    if (result.failure === null) return result;
    throw fault(reader, result.failure.index, result.failure.problem);
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #run(job: FuzzJob): Promise<FuzzResult> {
    this.#worker ??= new Worker(inTypeScript, {
      eval: true,
      workerData: { tsx: import.meta.resolve('tsx/esm/api'), thread: new URL('./thread.ts', import.meta.url).href },
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 64 },
    });
    const worker = this.#worker;
    const at = new Int32Array(job.progress);
    return new Promise((resolve, reject) => {
      let last = -1;
      const fail = (problem: string) => {
        settle();
        void this.close();
        reject(fault(job.reader, Atomics.load(at, 0), problem));
      };
      const watch = setInterval(() => {
        const now = Atomics.load(at, 0);
        if (now === last) fail(`it did not come to an end in ${silenceMs / 1000} s`);
        last = now;
      }, silenceMs);
      const onError = (error: Error) => fail(`the thread ended: ${error.stack}`);
      const onMessage = (result: FuzzResult) => {
        settle();
        resolve(result);
      };
      const settle = () => {
        clearInterval(watch);
        worker.off('error', onError).off('message', onMessage);
      };
      worker.on('error', onError).on('message', onMessage);
      worker.postMessage(job);
    });
  }
}

function fault(reader: string, index: number, problem: string): Error {
  return new Error(`${reader}, input ${index} of LOCKSTEP_TEST_SEED=${seed}: ${problem}`);
}
