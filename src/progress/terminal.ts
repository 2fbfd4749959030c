import type { Progress, Stage } from './progress.ts';
import { endLine, Tally } from './tally.ts';

export interface TerminalOptions {
  write(text: string): void;
  /** Width now: it changes when the window does. */
  columns(): number;
  color: boolean;
  /** Milliseconds, monotonic; for tests. */
  clock?: () => number;
  /** Least time between two redraws, in milliseconds. */
  everyMs?: number;
}

type Paint = (text: string) => string;

/**
 * Progress on a terminal: every open stage has one line at the bottom that is rewritten in place; a finished one leaves
 * a line above them that stays. Drawing is throttled, so that stages may be advanced per chunk.
 */
export function createTerminal(options: TerminalOptions): Progress {
  const { write, columns, color, clock = () => performance.now(), everyMs = 100 } = options;
  const dim: Paint = color ? (text) => `\x1b[2m${text}\x1b[22m` : (text) => text;
  const green: Paint = color ? (text) => `\x1b[32m${text}\x1b[39m` : (text) => text;
  const red: Paint = color ? (text) => `\x1b[31m${text}\x1b[39m` : (text) => text;
  const open = new Set<Tally>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Replaces the live lines by `settled` ones that stay and the open stages of now. */
  function draw(settled: string[] = []): void {
    const rise = drawn === 0 ? '' : `\x1b[${drawn}A`;
    const live = [...open].map((tally) => dim(clip(liveLine(tally, columns() - 1), columns() - 1)));
    const erase = drawn === 0 ? '' : '\r\x1b[0J';
    drawn = live.length;
    write(rise + erase + [...settled, ...live].map((line) => `${line}\n`).join(''));
  }

  function keepDrawing(): void {
    if (open.size > 0 && timer === undefined) {
      timer = setInterval(() => draw(), everyMs);
      timer.unref();
    } else if (open.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  function stage(name: string, stageOptions: { total?: number; unit?: string } = {}): Stage {
    const tally = new Tally(name, stageOptions, clock);
    open.add(tally);
    keepDrawing();
    draw();
    const end = (text: string, paint: Paint) => {
      if (!open.delete(tally)) return;
      keepDrawing();
      draw([paint(text.slice(0, 1)) + text.slice(1)]);
    };
    return {
      advance: (step) => tally.add(step),
      done: (summary, { cached = false } = {}) => end(endLine('✓', tally, summary, cached), green),
      fail: () => end(endLine('✗', tally, undefined, false), red),
    };
  }

  return { stage, note: (text) => draw([text]) };
}

/** Name, amounts, elapsed, detail; in a narrow window the detail goes first, then the amounts from the right. */
function liveLine(tally: Tally, width: number): string {
  const start = `• ${tally.name.padEnd(12)}`;
  const parts = tally.amounts();
  const detail = tally.now();
  const render = (amounts: string[], last: string) =>
    [start, amounts.join(', '), tally.elapsed(), last].filter((part) => part !== '').join('   ');
  const room = width - render(parts, '').length - 3;
  if (detail !== '' && room >= 10) return render(parts, clip(detail, room));
  while (parts.length > 0 && render(parts, '').length > width) parts.pop();
  return render(parts, '');
}

function clip(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}
