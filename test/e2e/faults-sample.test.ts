import { expect } from 'chai';
import { Bench } from '../faults/bench.ts';
import { afterOthers, type Course, chainEnd } from '../faults/fault.ts';
import { leanPanel } from '../faults/lean-panel.ts';
import { endOfChain, meet, play } from '../faults/play.ts';
import { Record } from '../faults/record.ts';
import { faults } from '../faults/table.ts';
import { randomFrom } from './drawn-packages.ts';

// `npm run test:faults` plays all of them, each on a device that was reset, with a deployment after each.
const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 20_261_123);

/** Faults that leave the device running: several fit between two boots. */
const standing = ['wrong host key', 'unsigned commit', 'wrong signer', 'corrupted object', 'link cut', '/sysroot full'];
/** One of these is played whole. */
const felling = ['power cut', 'agent killed'];

/** About how a deployment goes; measuring it would take another one. */
const course: Course = { pushBytes: 1_000_000, ms: 90_000 };

const record = new Record();

describe('a sample of the faults that a deployment may meet', function () {
  this.timeout(20 * 60_000);
  const random = randomFrom(seed);
  let bench: Bench;

  before(async () => {
    bench = await Bench.make(leanPanel, random);
    await bench.reset();
  });

  after(async () => {
    await bench?.close();
  });

  const faultOf = (name: string) => faults.find((fault) => fault.name === name)!;

  for (const [turn, name] of standing.entries()) {
    it(`${name}: ${faultOf(name).verdicts.join(' or ')}, and the device goes on with the commit that it has`, async () => {
      const drawing = { seed: seed + turn, random: randomFrom(seed + turn) };
      await record.keep(name, drawing.seed, async () => {
        const met = await meet(faultOf(name), bench, course, drawing);
        expect(met.runs).to.equal('old');
        return { ...met, next: afterOthers };
      });
    });
  }

  it('leaves the device so that the next deployment succeeds', async () => {
    await record.keep(chainEnd, seed, () => endOfChain(bench, bench.images.next));
  });

  const name = felling[Math.floor(randomFrom(seed)() * felling.length)] ?? '';
  it(`${name}: ${faultOf(name).verdicts.join(' or ')}, then the next one succeeds`, async () => {
    await record.keep(name, seed, () => play(faultOf(name), bench, course, { seed, random }));
  });
});
