interface Span {
  from: number;
  to: number;
}

/** What of a deployment's time was others': the transfer, `ostree admin deploy`, boots. In milliseconds. */
export class Waits {
  readonly #spans: Span[] = [];
  #bootFrom: number | null = null;
  #judgedAt: number | null = null;

  /** What is asked of a device while it boots takes no time of its own: spans may overlap. */
  get ms(): number {
    let end = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (const { from, to } of this.#spans.toSorted((one, other) => one.from - other.from)) {
      sum += Math.max(0, to - Math.max(from, end));
      end = Math.max(end, to);
    }
    return sum;
  }

  /** When a device last had judged its boot, by performance.now(); null: never. */
  get judgedAt(): number | null {
    return this.#judgedAt;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work();
    } finally {
      this.#spans.push({ from, to: performance.now() });
    }
  }

  /** The device is told to reboot: from now on it is waited for, until its boot is judged. */
  reboot(): void {
    this.#bootFrom = performance.now();
  }

  /** A wait that ends within a command on the device: returns what to call then, with how long ago its boot was judged. */
  untilJudged(): (agoMs: number) => void {
    const from = this.#bootFrom ?? performance.now();
    return (agoMs) => {
      this.#judgedAt = Math.max(from, performance.now() - agoMs);
      this.#spans.push({ from, to: this.#judgedAt });
    };
  }
}
