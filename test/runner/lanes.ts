import { type Ended, runMocha, type Site } from './mocha-process.ts';
import { type Job, nextOf, type Plan } from './plan.ts';
import { shownOutput } from './summary.ts';

/** More than any file of tests takes, and less than what is left of an hour when one hangs. */
const limitMs = 30 * 60_000;

/** Runs all jobs, those of a plan that may run together in so many lanes; prints what each wrote when it has ended. */
export async function runJobs(plan: Plan, site: Omit<Site, 'limitMs'> & { lanes: number }): Promise<Ended[]> {
  const ended: Ended[] = [];
  const running = new Set<Job>();
  const lane = async (queue: Job[]) => {
    for (let job = nextOf(queue, running); job !== undefined && !site.signal.aborted; job = nextOf(queue, running)) {
      running.add(job);
      console.log(`>>> ${job.name}`);
      const end = await runMocha(job, { ...site, limitMs });
      console.log(shownOutput(end));
      if (end.shown !== '') console.log(end.shown);
      running.delete(job);
      ended.push(end);
    }
  };
  const together = [...plan.together];
  await Promise.all(Array.from({ length: site.lanes }, () => lane(together)));
  await lane([...plan.alone]);
  return ended;
}
