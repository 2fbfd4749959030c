export type StepName = 'connect' | 'pull' | 'deploy' | 'reboot' | 'prove';

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
    const record = (ok: boolean, text: string) => {
      this.steps.push({ name, ms: Math.round(performance.now() - start), ok, detail: text });
    };
    try {
      const result = await work();
      record(true, detail(result));
      return result;
    } catch (error) {
      record(false, (error as Error).message);
      throw error;
    }
  }
}
