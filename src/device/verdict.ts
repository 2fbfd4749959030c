import type { ErrorCode } from '../errors/index.ts';
import type { DeviceState } from './observe.ts';

export const verdicts = [
  'deployed',
  'unchanged',
  'rolled-back',
  'wrong-commit',
  'never-rebooted',
  'never-returned',
  'unhealthy',
  'refused',
  'unreachable',
] as const;
/** How a deployment ended. */
export type Verdict = (typeof verdicts)[number];

/** All that a verdict is made from. */
export interface Observations {
  /** Checksum of the commit that the device should run. */
  wanted: string;
  /** What the device ran when lockstep came; null: it was never asked. */
  before: DeviceState | null;
  /** Whether the device was told to reboot. */
  rebooted: boolean;
  /** What it ran afterwards, or how it was when a trial left open was judged again; null: it was not seen again. */
  after: DeviceState | null;
  /** What broke the work off. */
  stopped: { code: ErrorCode; message: string } | null;
}

export interface Judgement {
  verdict: Verdict;
  /** Why, in a sentence; null when the device runs what it should. */
  reason: string | null;
}

const silence: ErrorCode[] = ['E_SSH_UNREACHABLE', 'E_SSH_CUT', 'E_DEVICE_DOWN'];

/** Whether a device runs the commit and would do so after another boot. */
export function isCurrent(state: DeviceState, wanted: string): boolean {
  return state.booted.checksum === wanted && state.booted.index === 0;
}

/** Judges what was observed; nothing else enters into a verdict. */
export function judge(observed: Observations): Judgement {
  return observed.rebooted ? judgeAfterReboot(observed) : judgeBeforeReboot(observed);
}

function judgeBeforeReboot({ wanted, before, after, stopped }: Observations): Judgement {
  // What the second look found stands, even if it is also what broke the work off.
  const judged = before !== null && isCurrent(before, wanted) ? judgeCurrent(after) : null;
  if (judged?.verdict === 'unhealthy') return judged;
  if (stopped !== null) {
    return { verdict: silence.includes(stopped.code) ? 'unreachable' : 'refused', reason: stopped.message };
  }
  return judged ?? { verdict: 'refused', reason: 'the deployment was not tried' };
}

/** It ran the commit when lockstep came; it was looked at again only if an earlier deployment had not been proven. */
function judgeCurrent(after: DeviceState | null): Judgement {
  const complaint = after === null ? null : complaintOf(null, after);
  return complaint === null ? { verdict: 'unchanged', reason: null } : { verdict: 'unhealthy', reason: complaint };
}

function judgeAfterReboot({ wanted, before, after, stopped }: Observations): Judgement {
  if (after === null) {
    return { verdict: 'never-returned', reason: stopped?.message ?? 'it did not answer again after the reboot' };
  }
  if (after.bootId === before?.bootId) {
    return { verdict: 'never-rebooted', reason: 'it was told to reboot and still runs the same boot' };
  }
  const runs = after.booted.checksum;
  if (runs !== wanted) {
    if (runs === before?.booted.checksum) {
      return { verdict: 'rolled-back', reason: `it rebooted into the commit it ran before, ${runs.slice(0, 12)}` };
    }
    return { verdict: 'wrong-commit', reason: `it runs ${runs.slice(0, 12)} instead of ${wanted.slice(0, 12)}` };
  }
  const directory = `${runs}.${after.booted.serial}`;
  if (after.bootedDirectory !== directory) {
    const found = after.bootedDirectory ?? 'no deployment';
    return { verdict: 'wrong-commit', reason: `its kernel was started for ${found}, not for ${directory}` };
  }
  const complaint = complaintOf(before, after);
  if (complaint !== null) return { verdict: 'unhealthy', reason: complaint };
  if (stopped !== null) return { verdict: 'unhealthy', reason: stopped.message };
  return { verdict: 'deployed', reason: null };
}

/** What is wrong with the new boot; a unit that failed before already is not the new commit's fault. */
function complaintOf(before: DeviceState | null, after: DeviceState): string | null {
  const known = new Set(before?.failedUnits ?? []);
  const failed = after.failedUnits.filter((unit) => !known.has(unit));
  if (failed.length > 0) return `failed since the deployment: ${failed.join(', ')}`;
  if (after.systemState === 'running' || after.systemState === 'degraded') return null;
  return `its boot did not finish in time: systemd says ${after.systemState || 'nothing'}`;
}
