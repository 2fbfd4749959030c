import { randomFrom } from '../e2e/drawn-packages.ts';
import { Bench } from './bench.ts';
import { afterOthers, type Course, chainEnd, type Fault } from './fault.ts';
import { leanPanel } from './lean-panel.ts';
import { type Drawing, endOfChain, meet, play, undisturbed } from './play.ts';
import { Record, wasPlayed } from './record.ts';
import { faults } from './table.ts';

const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 20_261_123);
/** Names of faults, divided by commas; all by default. */
const chosen = process.env.LOCKSTEP_FAULTS?.split(',');
/** How often a fault is played at most. */
const most = Number(process.env.LOCKSTEP_FAULTS_TIMES ?? Number.POSITIVE_INFINITY);
/** `1/2`, `2/2`: one half of the plays each, for two benches at once. */
const [part, parts] = (process.env.LOCKSTEP_FAULTS_PART ?? '1/1').split('/').map(Number) as [number, number];
/** Faults one after the other without a reset, with one deployment that must succeed at the end: a quick look. */
const chained = process.env.LOCKSTEP_FAULTS_CHAINED !== undefined;

describe('a deployment that meets a fault, on a virtual ARMv7 device', function () {
  this.timeout(60 * 60_000);
  const record = new Record();
  let bench: Bench;
  let course: Course;

  before(async () => {
    bench = await Bench.make(leanPanel, randomFrom(seed));
    // One push is cut again and again then, and resumed: each time it gets a little further.
    course = chained ? { pushBytes: 200_000, ms: 90_000 } : await undisturbed(bench);
    if (chained) bench.boots = 1;
    await bench.reset();
  });

  after(async () => {
    await bench?.close();
    await record.write();
  });

  for (const [index, { fault, turn, own }] of plays().entries()) {
    if (index % parts !== part - 1) continue;
    const number = fault.times > 1 ? `, ${turn + 1} of ${fault.times}` : '';
    it(`${fault.name}${number}: ${fault.verdicts.join(' or ')}, then the next one succeeds`, async () => {
      const drawing = { seed: own, random: randomFrom(own) };
      await record.keep(fault.name, own, () => (chained ? link(fault, drawing) : play(fault, bench, course, drawing)));
    });
  }

  if (chained) {
    it('leaves the device so that the next deployment succeeds', async () => {
      await record.keep(chainEnd, seed, () => endOfChain(bench, bench.images.after));
    });
  }

  async function link(fault: Fault, drawing: Drawing) {
    try {
      const met = await meet(fault, bench, course, drawing);
      // What others deploy must not be there yet.
      if (met.runs === 'new') await bench.reset();
      return { ...met, next: afterOthers };
    } catch (error) {
      await bench.reset();
      throw error;
    }
  }
});

/** What is to be played, without what an earlier part of the run has played. */
function plays(): { fault: Fault; turn: number; own: number }[] {
  const all = faults.flatMap((fault, place) =>
    // Each turn draws for itself, so that one alone is the same as within the whole.
    Array.from({ length: Math.min(fault.times, most) }, (_, turn) => ({
      fault,
      turn,
      own: seed + 1_000 * place + turn,
    })),
  );
  return all.filter(({ fault, own }) => chosen?.includes(fault.name) !== false && !wasPlayed(fault.name, own));
}
