import type { Progress, Stage } from './progress.ts';
import { endLine, oneLine, Tally } from './tally.ts';

export interface LinesOptions {
  write(text: string): void;
  /** Milliseconds, monotonic; for tests. */
  clock?: () => number;
  /** How often a stage that is still open says so, in milliseconds. */
  everyMs?: number;
}

/** Progress for a log: a line when a stage starts, one when it ends, one every ten seconds between, no escape codes. */
export function createLines({ write, clock = () => performance.now(), everyMs = 10_000 }: LinesOptions): Progress {
  const line = (text: string) => write(`${text}\n`);

  function stage(name: string, options: { total?: number; unit?: string } = {}): Stage {
    const tally = new Tally(name, options, clock);
    line(`> ${oneLine([name, totalOf(options)].filter((part) => part !== '').join('   '))}`);
    const timer = setInterval(() => line(`  ${stillAt(tally)}`), everyMs);
    timer.unref();
    let open = true;
    const end = (text: () => string) => {
      if (!open) return;
      open = false;
      clearInterval(timer);
      line(text());
    };
    return {
      advance: (step) => tally.add(step),
      done: (summary, { cached = false } = {}) => end(() => endLine('✓', tally, summary, cached)),
      fail: () => end(() => endLine('✗', tally, undefined, false)),
    };
  }

  return { stage, note: line };
}

function totalOf({ total, unit }: { total?: number; unit?: string }): string {
  return total === undefined ? '' : [total, unit].filter((part) => part !== undefined).join(' ');
}

function stillAt(tally: Tally): string {
  return [tally.name, [...tally.amounts(), tally.now()].filter((part) => part !== '').join(', '), tally.elapsed()]
    .filter((part) => part !== '')
    .join('   ');
}
