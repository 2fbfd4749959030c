/**
 * How long work shows itself. A stage is opened, advanced and ended; who renders it (a live line on a terminal, plain
 * lines in a CI log, nothing with --quiet) is decided once, at the top.
 */
export interface Progress {
  /** Opens a stage. `total` is the number of things it will count, when known. */
  stage(name: string, options?: { total?: number; unit?: string }): Stage;
  /** One line that stays, outside any stage. */
  note(text: string): void;
}

export interface Stage {
  /** Counts finished things, adds bytes, or says what is at hand now. Cheap: may be called per chunk. */
  advance(step: { count?: number; bytes?: number; detail?: string }): void;
  /** Ends the stage well; `cached` says that its result was there already. */
  done(summary?: string, options?: { cached?: boolean }): void;
  /** Ends the stage badly; the error itself is reported by whoever catches it. */
  fail(): void;
}

/** Runs `work` as one stage: ended with its summary when it returns, failed when it throws. */
export async function inStage<T>(
  progress: Progress,
  name: string,
  work: (stage: Stage) => Promise<T>,
  options: { total?: number; unit?: string; summary?: (result: T) => string } = {},
): Promise<T> {
  const stage = progress.stage(name, options);
  try {
    const result = await work(stage);
    stage.done(options.summary?.(result));
    return result;
  } catch (error) {
    stage.fail();
    throw error;
  }
}

/** Shows nothing: for --quiet and for tests. */
export const silent: Progress = {
  stage: () => ({ advance: () => {}, done: () => {}, fail: () => {} }),
  note: () => {},
};
