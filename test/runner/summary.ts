import type { Ended } from './mocha-process.ts';

/** Processes that took less are not worth a line. */
const shortMs = 5_000;

/** `1 m 23 s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

/** What a process wrote, below its name. */
export function shownOutput({ job, ms, output }: Ended): string {
  return `=== ${job.name}: ${duration(ms)}\n${output.trimEnd()}\n`;
}

/** One summary for all of them, as mocha writes it, its last line for programs: `N passed, N failed`. */
export function summaryOf(ended: readonly Ended[], ms: number): string {
  const sum = (of: (one: Ended) => number) => ended.reduce((total, one) => total + of(one), 0);
  const [passes, pending, failures] = [sum((one) => one.passes), sum((one) => one.pending), sum((one) => one.failures)];
  const long = ended.filter((one) => one.ms >= shortMs).sort((a, b) => b.ms - a.ms);
  const lines = long.map((one) => `${duration(one.ms).padStart(10)}  ${one.job.name}`);
  lines.push('', `  ${passes} passing (${duration(ms)})`);
  if (pending > 0) lines.push(`  ${pending} pending`);
  if (failures > 0) lines.push(`  ${failures} failing`);
  for (const one of ended.filter((each) => each.failures > 0))
    lines.push('', `=== ${one.job.name}, failed:`, one.shown);
  return [...lines, '', `${passes} passed, ${failures} failed`].join('\n');
}
