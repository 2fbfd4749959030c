import { cpus } from 'node:os';

/** Seconds that a piece of work took, each time. */
export async function timed(runs: number, work: () => Promise<void>): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    await work();
    seconds.push((performance.now() - started) / 1000);
  }
  return seconds;
}

export function median(seconds: readonly number[]): number {
  const sorted = [...seconds].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** One line: our median, the peer's in the same run, and the ratio, which alone can be compared between machines. */
export function report(name: string, ours: readonly number[], peer: string, theirs: readonly number[]): void {
  const [mine, other] = [median(ours), median(theirs)];
  const ratio = (mine / other).toFixed(2);
  console.log(`${name.padEnd(34)} ${mine.toFixed(2)} s   ${peer.padEnd(34)} ${other.toFixed(2)} s   ratio ${ratio}`);
}

export function describeMachine(): string {
  return `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`;
}
