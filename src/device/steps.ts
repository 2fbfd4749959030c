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
      this.add(name, performance.now() - start, true, detail(result));
      return result;
    } catch (error) {
      this.add(name, performance.now() - start, false, (error as Error).message);
      throw error;
    }
  }

  /** Takes down a step that somebody else timed. */
  add(name: StepName, ms: number, ok: boolean, detail: string): void {
    this.steps.push({ name, ms: Math.round(ms), ok, detail });
  }
}
