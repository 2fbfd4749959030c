import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { Bench } from './bench.ts';
import { type Course, chainEnd, type Fault, type Seen } from './fault.ts';

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
  // A device that the agent did not find again after its reboot waits a minute for that one.
  const next = await bench.deploy(wanted, { waitLockMs: 90_000 });
  expect(['deployed', 'unchanged'], `the next deployment, after ${told}: ${next.reason}`).to.include(next.verdict);
  expect(await bench.booted(), 'a false "deployed" of the next deployment').to.equal(wanted);
  return next.verdict;
}

/** The deployment after several plays that were followed by none of their own. */
export async function endOfChain(bench: Bench, wanted: string): Promise<Played> {
  const start = performance.now();
  const next = await goOn(bench, wanted, 'all of these');
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return { fault: chainEnd, seed: 0, verdict: 'deployed', reason: null, drawn: null, seconds, runs: 'new', next };
}

/** How a deployment goes that nothing disturbs; measured once for a bench that is kept. */
export async function undisturbed(bench: Bench): Promise<Course> {
  const file = path.join(bench.dir, 'course.json');
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null) return JSON.parse(known) as Course;
  await bench.reset();
  const from = bench.link.sent;
  const { verdict, reason, steps, ms } = await bench.deploy(bench.images.next);
  expect(verdict, String(reason)).to.equal('deployed');
  const took = (name: string) => steps.find((step) => step.name === name)?.ms ?? 0;
  // Nearly all of what goes towards the device goes there in the push.
  const course = { pushBytes: Math.floor((bench.link.sent - from) * 0.9), ms: ms - took('connect') };
  await writeFile(file, JSON.stringify(course));
  return course;
}
