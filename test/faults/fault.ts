import type { Verdict } from '../../src/device/verdict.ts';
import type { Bench } from './bench.ts';
import type { Images } from './images.ts';

/** How a deployment that met a fault ended; `none`: its agent did not live to say. */
export interface Seen {
  verdict: Verdict | 'none';
  reason: string | null;
  /** The commit that was to be deployed. */
  wanted: string;
  /** Milliseconds until the verdict. */
  ms: number;
  /** What was drawn: where the link was cut, when the power went. */
  drawn?: string;
}

export interface Fault {
  name: string;
  /** What happens, in half a sentence. */
  what: string;
  verdicts: Seen['verdict'][];
  /** Seconds within which the verdict must come. */
  bound: number;
  /** How often it is played in a whole run; each time with other numbers drawn. */
  times: number;
  /** What must be deployed afterwards without a hand on the device; `retry`: the same commit. */
  next: 'retry' | keyof Images;
  play(bench: Bench, random: () => number, course: Course): Promise<Seen>;
  /** What a person would do about it before the next deployment, where one has to. */
  mend?(bench: Bench): Promise<void>;
}

/** How an undisturbed deployment of `next` goes: the room in which moments and places are drawn. */
export interface Course {
  /** Bytes towards the device until it has the commit. */
  pushBytes: number;
  /** Milliseconds from the first byte until the verdict. */
  ms: number;
}

/** Stands for a fault: the deployment after several plays that were not followed by one each. */
export const chainEnd = 'end of a chain';
/** What such a play has for the verdict of its next deployment. */
export const afterOthers = 'after others';
