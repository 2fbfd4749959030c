import type { CaseResult } from './results.ts';

/** What a program said in the Test Anything Protocol (versions 12 to 14, subtests taken as diagnostics). */
export interface Tap {
  points: CaseResult[];
  /** What is wrong with it as a whole: a plan that was not kept, a bail-out. Null: nothing. */
  problem: string | null;
  /** The reason of a plan `1..0 # SKIP reason`. */
  skipped: string | null;
}

const pointLine = /^(not )?ok\b[ \t]*(\d+)?[ \t]*(?:-[ \t]*)?(.*)$/;
const directive = /(?:^|[ \t])#[ \t]*(SKIP|TODO)\S*[ \t]*(.*)$/i;
const planLine = /^1\.\.(\d+)[ \t]*(?:#[ \t]*SKIP\S*[ \t]*(.*))?$/i;

/** TAP starts with its version or its plan; anything else is plain output. */
export function isTap(output: string): boolean {
  return /^\s*(TAP version \d+|1\.\.\d+)\s*(#.*)?(\r?\n|$)/.test(output);
}

export function parseTap(output: string): Tap {
  const points: CaseResult[] = [];
  let planned: number | null = null;
  let skipped: string | null = null;
  let bailOut: string | null = null;
  for (const line of output.split(/\r?\n/)) {
    const plan = planLine.exec(line);
    const point = pointLine.exec(line);
    if (plan !== null) {
      planned = Number(plan[1]);
      if (planned === 0) skipped = plan[2] || 'it planned no test';
    } else if (line.startsWith('Bail out!')) {
      bailOut = line.slice('Bail out!'.length).trim() || 'no reason given';
      break;
    } else if (point !== null) points.push(toCase(point, points.length + 1));
    else attach(points.at(-1), line);
  }
  return { points, skipped, problem: problemOf(points.length, planned, bailOut) };
}

function toCase([, not, number, rest]: RegExpExecArray, position: number): CaseResult {
  const said = directive.exec(rest ?? '');
  const description = (said === null ? rest : rest?.slice(0, said.index))?.trim() ?? '';
  const name = [number ?? position, description].filter((part) => part !== '').join(' ');
  const status = said !== null && not !== undefined ? 'skipped' : statusOf(not !== undefined, said?.[1]);
  const message = said === null ? (not === undefined ? null : `not ok ${name}`) : `${said[1]} ${said[2]}`.trim();
  return { name, status, ms: 0, message, output: '' };
}

/** A TODO that fails is expected to; one that passes is a pass. */
function statusOf(failed: boolean, directiveName: string | undefined): CaseResult['status'] {
  if (directiveName?.toUpperCase() === 'SKIP') return 'skipped';
  return failed ? 'failed' : 'passed';
}

/** Comments, YAML blocks and stray output belong to the point before them. */
function attach(point: CaseResult | undefined, line: string): void {
  if (point !== undefined && line.trim() !== '') point.output += `${line}\n`;
}

function problemOf(seen: number, planned: number | null, bailOut: string | null): string | null {
  if (bailOut !== null) return `bailed out: ${bailOut}`;
  if (planned === null) return 'its TAP has no plan, so it may have ended early';
  return seen === planned ? null : `planned ${planned} TAP points, gave ${seen}`;
}
