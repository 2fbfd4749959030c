/** What of a deployment's time was others': the transfer, `ostree admin deploy`, boots. In milliseconds. */
export class Waits {
  #ms = 0;
  #judgedAt: number | null = null;

  get ms(): number {
    return this.#ms;
  }

  /** When a device last told that it had judged its boot, by performance.now(); null: never. */
  get judgedAt(): number | null {
    return this.#judgedAt;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#ms += performance.now() - start;
    }
  }

  /** A wait that ends within a command on the device: returns what to call then. */
  untilJudged(): () => void {
    const start = performance.now();
    return () => {
      this.#judgedAt = performance.now();
      this.#ms += this.#judgedAt - start;
    };
  }
}
