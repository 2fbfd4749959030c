/** The exit codes of every verb: 1 could not do it, 2 wrong usage or configuration, 3 tests failed on a device. */
export type FailureExit = 1 | 2 | 3;

/** What `lockstep explain CODE` prints, and the exit code that the agent ends with. */
export interface ErrorEntry {
  exit: FailureExit;
  /** What it means, in a sentence or two. */
  meaning: string;
  /** What to do, in a sentence or two. */
  remedy: string;
}
