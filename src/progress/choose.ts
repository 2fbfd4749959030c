import { createLines } from './lines.ts';
import { type Progress, silent } from './progress.ts';
import { createTerminal } from './terminal.ts';

export interface ProgressChoice {
  quiet: boolean;
  /** Where progress goes: stderr, since stdout belongs to results. */
  stream: { write(text: string): unknown; columns?: number };
  isTTY: boolean;
  env: NodeJS.ProcessEnv;
}

/** Live lines where somebody watches, plain lines in a log (also under CI with a pseudo-terminal), nothing if quiet. */
export function createProgress({ quiet, stream, isTTY, env }: ProgressChoice): Progress {
  if (quiet) return silent;
  const write = (text: string) => void stream.write(text);
  const canMoveCursor = isTTY && env.TERM !== 'dumb' && !env.CI && !env.JENKINS_URL;
  if (!canMoveCursor) return createLines({ write });
  // no-color.org: any value but the empty one turns colour off
  return createTerminal({ write, columns: () => stream.columns ?? 80, color: !env.NO_COLOR });
}
