/** A reader that is fed with mutated inputs, in a thread of its own. */
export interface FuzzedReader {
  /** Mends what a changed input would be refused for at once, as the checksum of a header; absent: nothing. */
  mend?(input: Buffer): void;
  /** Reads the input; what it throws must be an error of its own kind. */
  read(input: Buffer): unknown;
  /** What is wrong with an error that it threw; null: it is one that a user can be shown. */
  complaint(error: unknown, input: Buffer): string | null;
}

/** What the thread is asked to do. */
export interface FuzzJob {
  reader: string;
  /** Inputs as they should be. */
  samples: Uint8Array[];
  seed: number;
  /** Bytes that an input grows to, at most. */
  sizeLimit: number;
  count: number;
  /** One Int32 with the number of the input at work, for whoever has to end the thread. */
  progress: SharedArrayBuffer;
}

export interface FuzzResult {
  /** Inputs that were read without an error. */
  accepted: number;
  /** The first that went wrong; null when none did. */
  failure: { index: number; problem: string } | null;
}
