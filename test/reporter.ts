import { writeFileSync } from 'node:fs';
import { format } from 'node:util';
import mocha from 'mocha';

/** What the processes of a run tell about their tests, as JSON in the file that LOCKSTEP_TEST_RESULT names. */
export interface Counted {
  passes: number;
  failures: number;
  pending: number;
  /** The failures as mocha shows them, with the differences; empty when there are none. */
  shown: string;
}

/**
 * The spec reporter, and after its summary one plain line for programs that read the log: `N passed, N failed`. In a
 * process that runs a part of the tests (test/runner) the summary is left to the one that has them all.
 */
export default class Reporter extends mocha.reporters.Spec {
  override epilogue(): void {
    const result = process.env.LOCKSTEP_TEST_RESULT;
    if (result !== undefined) {
      const { passes, failures, pending } = this.stats;
      const counted: Counted = { passes, failures, pending, shown: failures === 0 ? '' : shown(this.failures) };
      writeFileSync(result, JSON.stringify(counted));
      return;
    }
    super.epilogue();
    console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`);
  }
}

function shown(failures: Mocha.Test[]): string {
  const { Base } = mocha.reporters;
  const lines: string[] = [];
  const { consoleLog } = Base;
  Base.consoleLog = (...args: unknown[]) => void lines.push(format(...args));
  try {
    Base.list(failures);
  } finally {
    Base.consoleLog = consoleLog;
  }
  return lines.join('\n');
}
