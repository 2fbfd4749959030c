import type { ErrorCode } from '../errors/index.ts';
import type { DeviceState } from './observe.ts';
import { stateOf } from './states.ts';
import { nameOf } from './status.ts';

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
  /** What it ran in the end, when its boot had been judged; null: it was not seen again, or nothing was to be judged. */
  after: DeviceState | null;
  /** Why lockstep itself took an unhealthy device back, where the device does not do so; null: it did not. */
  takenBack: string | null;
  /** What broke the work off. */
  stopped: { code: ErrorCode; message: string } | null;
}

export interface Judgement {
  verdict: Verdict;
  /** Why, in a sentence; null when the device runs what it should. */
  reason: string | null;
}

const silence: ErrorCode[] = ['E_SSH_UNREACHABLE', 'E_SSH_CUT', 'E_DEVICE_DOWN', 'E_PUSH_STALLED'];

/** Judges what was observed; nothing else enters into a verdict. */
export function judge(observed: Observations): Judgement {
  if (observed.takenBack !== null) return judgeTakenBack(observed, observed.takenBack);
  if (observed.after !== null) return judgeAfter(observed, observed.after);
  const { wanted, before, rebooted, stopped } = observed;
  if (rebooted) {
    return { verdict: 'never-returned', reason: stopped?.message ?? 'it did not answer again after the reboot' };
  }
  if (stopped !== null) {
    return { verdict: silence.includes(stopped.code) ? 'unreachable' : 'refused', reason: stopped.message };
  }
  if (before !== null && stateOf(before, wanted) === 'healthy') return { verdict: 'unchanged', reason: null };
  return { verdict: 'refused', reason: 'the deployment was not tried' };
}

function judgeAfter({ wanted, before, rebooted, stopped }: Observations, after: DeviceState): Judgement {
  if (rebooted && after.bootId === before?.bootId) {
    return { verdict: 'never-rebooted', reason: 'it was told to reboot and still runs the same boot' };
  }
  const misplaced = judgePlace(wanted, before, after);
  if (misplaced !== null) return misplaced;
  const complaint = complaintOf(before, after);
  if (complaint !== null) return { verdict: 'unhealthy', reason: complaint };
  if (stopped !== null) return { verdict: 'unhealthy', reason: stopped.message };
  return { verdict: rebooted ? 'deployed' : 'unchanged', reason: null };
}

/** Whether it runs another commit, or another deployment, than it should. */
function judgePlace(wanted: string, before: DeviceState | null, after: DeviceState): Judgement | null {
  const { booted, bootedDirectory, deployments } = after;
  const runs = booted.checksum.slice(0, 12);
  if (booted.checksum !== wanted) {
    if (fellBack(wanted, before, after)) return { verdict: 'rolled-back', reason: fallbackReason(after, wanted) };
    return { verdict: 'wrong-commit', reason: `it runs ${runs} instead of ${wanted.slice(0, 12)}` };
  }
  if (bootedDirectory !== nameOf(booted)) {
    const found = bootedDirectory ?? 'no deployment';
    return { verdict: 'wrong-commit', reason: `its kernel was started for ${found}, not for ${nameOf(booted)}` };
  }
  if (booted.index !== 0) {
    const next = deployments[0]?.checksum.slice(0, 12);
    return { verdict: 'wrong-commit', reason: `it runs ${runs}, but its next boot takes ${next}` };
  }
  return null;
}

function fellBack(wanted: string, before: DeviceState | null, after: DeviceState): boolean {
  if (after.booted.checksum === before?.booted.checksum) return true;
  return after.trial?.commit === wanted && after.trial.previous === nameOf(after.booted);
}

/** The device's own words, when one of the boots came so far. */
function fallbackReason({ booted, trial, trialReasons }: DeviceState, wanted: string): string {
  const runs = `it is back in the commit it ran before, ${booted.checksum.slice(0, 12)}`;
  if (trial?.commit !== wanted || trialReasons.length === 0) {
    return `${runs}; no boot of ${wanted.slice(0, 12)} came far enough to tell why`;
  }
  return `${runs}: ${trialReasons.join('; ')}`;
}

function judgeTakenBack({ wanted, after, stopped }: Observations, complaint: string): Judgement {
  if (after !== null && after.booted.checksum !== wanted && stopped === null) {
    const runs = after.booted.checksum.slice(0, 12);
    return { verdict: 'rolled-back', reason: `${complaint}; lockstep took it back to ${runs}` };
  }
  const why = stopped?.message ?? 'it still runs the same commit';
  return { verdict: 'unhealthy', reason: `${complaint}; it could not be taken back: ${why}` };
}

/** What is wrong with the boot; a unit that failed before already is not the new commit's fault. */
function complaintOf(before: DeviceState | null, after: DeviceState): string | null {
  const { health, onTrial, systemState } = after;
  if (health !== null && !health.healthy) return health.reasons.join('; ') || 'its health check failed';
  if (onTrial) return 'the device did not confirm its boot: it will fall back to the older deployment';
  if (health !== null) return null;
  const known = new Set(before?.failedUnits ?? []);
  const failed = after.failedUnits.filter((unit) => !known.has(unit));
  if (failed.length > 0) return `failed since the deployment: ${failed.join(', ')}`;
  if (systemState === 'running' || systemState === 'degraded') return null;
  return `its boot did not finish in time: systemd says ${systemState || 'nothing'}`;
}
