import { formatBytes, formatCount, formatElapsed } from './format.ts';

/** What is known of an open stage: the renderers differ in where they put it, not in what they count. */
export class Tally {
  readonly name: string;
  private readonly total: number | undefined;
  private readonly unit: string | undefined;
  private readonly clock: () => number;
  private readonly startedAt: number;
  private count = 0;
  private bytes = 0;
  private detail = '';

  constructor(name: string, options: { total?: number; unit?: string }, clock: () => number) {
    this.name = name;
    this.total = options.total;
    this.unit = options.unit;
    this.clock = clock;
    this.startedAt = clock();
  }

  add(step: { count?: number; bytes?: number; detail?: string }): void {
    this.count += step.count ?? 0;
    this.bytes += step.bytes ?? 0;
    if (step.detail !== undefined) this.detail = oneLine(step.detail);
  }

  /** `34/173 debs, 12.1 MB`, most important first; empty when nothing was counted. */
  amounts(): string[] {
    const parts = [formatCount(this.count, this.total, this.unit)];
    if (this.bytes > 0) parts.push(formatBytes(this.bytes));
    return parts.filter((part) => part !== '');
  }

  /** What is at hand now, or empty. */
  now(): string {
    return this.detail;
  }

  elapsed(): string {
    return formatElapsed(this.clock() - this.startedAt);
  }
}

/** A detail may come from a program's output: a line break or an escape sequence in it would tear the display. */
export function oneLine(text: string): string {
  return text
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)/g, '')
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')
    .trim();
}

/** The line that a finished stage leaves: `✓ import     173 debs, 69.5 MB   6.3 s`. */
export function endLine(mark: string, tally: Tally, summary: string | undefined, cached: boolean): string {
  const what = summary ?? tally.amounts().join(', ');
  const said = cached ? [what, 'cached'].filter((part) => part !== '').join(', ') : what;
  const time = cached ? '' : tally.elapsed();
  return [`${mark} ${tally.name.padEnd(12)}`, said, time]
    .filter((part) => part !== '')
    .join('   ')
    .trimEnd();
}
