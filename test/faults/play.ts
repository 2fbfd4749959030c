import { expect } from 'chai';
import type { Bench } from './bench.ts';
import type { Course, Fault, Seen } from './fault.ts';

/** One play of a fault, as it went. */
export interface Played {
  fault: string;
  seed: number;
  verdict: Seen['verdict'];
  reason: string | null;
  drawn: string | null;
  /** Seconds until the verdict. */
  seconds: number;
  /** What the device ran when all had settled: `old`, `new`. */
  runs: 'old' | 'new';
  /** Verdict of the next deployment. */
  next: string;
}

/**
 * Plays a fault on a device that was just reset, then looks, past lockstep, at what the device runs, and deploys once
 * more. Throws when the verdict was another than the table's, was late, or was a lie; when the device runs anything but the
 * old or the new commit; when the next deployment fails.
 */
export async function play(fault: Fault, bench: Bench, course: Course, drawing: Drawing): Promise<Played> {
  await bench.reset();
  const { told, wanted, ...met } = await meet(fault, bench, course, drawing);
  const next = fault.next === 'retry' ? wanted : bench.images[fault.next];
  return { ...met, next: await goOn(bench, next, told) };
}

/** What a fault's numbers are drawn from. */
export interface Drawing {
  seed: number;
  random: () => number;
}

export type Met = Omit<Played, 'next'> & { told: string; wanted: string };

/** A fault on the device as it is, judged. What the fault broke is mended afterwards. */
export async function meet(fault: Fault, bench: Bench, course: Course, drawing: Drawing): Promise<Met> {
  const old = await bench.booted();
  const seen = await fault.play(bench, drawing.random, course);
  const drawn = seen.drawn ? ` (${seen.drawn})` : '';
  const told = `${seen.verdict}${seen.reason === null ? '' : `: ${seen.reason}`}${drawn}`;
  if (seen.verdict === 'deployed') expect(await bench.booted(), `a false "deployed" (${told})`).to.equal(seen.wanted);
  expect(fault.verdicts, told).to.include(seen.verdict);
  expect(seen.ms / 1000, `seconds until ${told}`).to.be.below(fault.bound);

  bench.mendLink();
  await bench.powerOn();
  await fault.mend?.(bench);
  const runs = await bench.untilSettled();
  expect([old, seen.wanted], `what the device runs after ${told}`).to.include(runs);
  return {
    told,
    wanted: seen.wanted,
    fault: fault.name,
    seed: drawing.seed,
    verdict: seen.verdict,
    reason: seen.reason,
    drawn: seen.drawn ?? null,
    seconds: Math.round(seen.ms / 100) / 10,
    runs: runs === old ? 'old' : 'new',
  };
}

/** The deployment after a fault, which must succeed; returns its verdict. */
export async function goOn(bench: Bench, wanted: string, told: string): Promise<string> {
  const next = await bench.deploy(wanted);
  expect(['deployed', 'unchanged'], `the next deployment, after ${told}: ${next.reason}`).to.include(next.verdict);
  expect(await bench.booted(), 'a false "deployed" of the next deployment').to.equal(wanted);
  return next.verdict;
}

/** How a deployment goes that nothing disturbs. */
export async function undisturbed(bench: Bench): Promise<Course> {
  await bench.reset();
  const from = bench.link.sent;
  const { verdict, reason, steps, ms } = await bench.deploy(bench.images.next);
  expect(verdict, String(reason)).to.equal('deployed');
  const took = (name: string) => steps.find((step) => step.name === name)?.ms ?? 0;
  // Nearly all of what goes towards the device goes there in the push.
  return { pushBytes: Math.floor((bench.link.sent - from) * 0.9), ms: ms - took('connect') };
}
