/** How one case ended; `error`: it could not be run, which counts as a failure but is not the test's word. */
export type CaseStatus = 'passed' | 'failed' | 'skipped' | 'error';

/** One line of a report: a test program, one point of its TAP, or one step of a deployment. */
export interface CaseResult {
  name: string;
  status: CaseStatus;
  /** By the agent's clock: boards without a battery lie. */
  ms: number;
  /** One line: why it failed, was skipped, or could not run. */
  message: string | null;
  /** What it printed, stdout and stderr as they came, its last MiB. */
  output: string;
}

/** One executable of the tests directory, run on one device. */
export interface TestResult extends CaseResult {
  /** Its points when it speaks TAP. */
  points: CaseResult[];
}

/** What came of all tests on one device. */
export interface DeviceTests {
  device: string;
  tests: TestResult[];
  /** Paths of the files that the tests left in LOCKSTEP_ARTIFACTS, relative to the device's artifacts directory. */
  artifacts: string[];
  /** Things that went wrong beside the tests: the journal could not be read, artifacts were cut. */
  notes: string[];
}

export interface Counts {
  tests: number;
  passed: number;
  /** With those that could not be run. */
  failed: number;
  skipped: number;
}

/**
 * What a test counts as: its TAP points, with itself beside them only when it says something that they do not (it
 * crashed, its plan was not kept); itself when it has none.
 */
export function casesOf(test: TestResult): CaseResult[] {
  if (test.points.length === 0) return [test];
  const points = test.points.map((point) => ({ ...point, name: `${test.name} / ${point.name}` }));
  return test.message === null ? points : [...points, test];
}

export function isFailure(result: { status: CaseStatus }): boolean {
  return result.status === 'failed' || result.status === 'error';
}

export function countCases(cases: readonly CaseResult[]): Counts {
  const failed = cases.filter(isFailure).length;
  const skipped = cases.filter((one) => one.status === 'skipped').length;
  return { tests: cases.length, passed: cases.length - failed - skipped, failed, skipped };
}

/** `12 passed, 1 failed, 2 skipped`; what there is none of is left out, but never everything. */
export function countsText({ tests, passed, failed, skipped }: Counts): string {
  if (tests === 0) return 'no tests';
  const parts = [
    passed > 0 && `${passed} passed`,
    failed > 0 && `${failed} failed`,
    skipped > 0 && `${skipped} skipped`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}
