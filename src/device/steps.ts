export type StepName = 'connect' | 'pull' | 'deploy' | 'reboot' | 'power cycle' | 'prove' | 'take back';

/** One step of a deployment, as it went. */
export interface Step {
  name: StepName;
  ms: number;
  ok: boolean;
  /** What it came to, or why it failed. */
  detail: string;
}

/** Runs steps one after the other and keeps how long each took and how it ended. */
export class StepRecorder {
  readonly steps: Step[] = [];

  /** Runs one step. */
  async take<T>(name: StepName, work: () => Promise<T>, detail: (result: T) => string): Promise<T> {
    const start = performance.now();
    try {
      const result = await work();
      this.#add(name, performance.now() - start, true, detail(result));
      return result;
    } catch (error) {
      this.#add(name, performance.now() - start, false, (error as Error).message);
      throw error;
    }
  }

  /** Begins a step that is ended elsewhere; `next` ends it well and begins another, once. */
  start(first: StepName): RunningStep {
    let [name, since, moved] = [first, performance.now(), false];
    const end = (ok: boolean, detail: string) => this.#add(name, performance.now() - since, ok, detail);
    return {
      next: (following, detail) => {
        if (moved) return;
        end(true, detail);
        [name, since, moved] = [following, performance.now(), true];
      },
      end,
    };
  }

  #add(name: StepName, ms: number, ok: boolean, detail: string): void {
    this.steps.push({ name, ms: Math.round(ms), ok, detail });
  }
}

export interface RunningStep {
  next(following: StepName, detail: string): void;
  end(ok: boolean, detail: string): void;
}
