import type { DeviceConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { DeployAttempt, type DeployOptions } from './attempt.ts';
import { type Evidence, gatherEvidence, noEvidence } from './evidence.ts';
import { Hold } from './hold.ts';
import { connectionOf } from './ssh/connection.ts';
import type { Step } from './steps.ts';
import { judge, type Verdict } from './verdict.ts';
import { consoleSince, lengthOf } from './virtual/console.ts';
import { deviceFiles } from './virtual/files.ts';

/** How a deployment to one device went. */
export interface DeviceDeployment {
  name: string;
  verdict: Verdict;
  /** Why, when the device does not run what it should. */
  reason: string | null;
  /** Wanted health scripts that did not succeed, or a power cycle that it took: the device is called healthy all the same. */
  warnings: string[];
  /** The commit that the device should run. */
  wanted: string;
  /** The commit that it was last seen to run; null: it was never asked. */
  commit: string | null;
  bytesSent: number;
  ms: number;
  /** What of it was neither transfer, `ostree admin deploy` nor boots. */
  ownMs: number;
  /** From when the device told that it had judged its boot until the verdict; null: it did not. */
  verdictMs: number | null;
  steps: Step[];
  /** What the device said beside that; nothing of one that was left as it was. */
  evidence: Evidence;
}

/**
 * Makes one device run a commit that the archive repository holds (null: the older deployment that it has), and judges
 * what came of it. Never throws for what a device does or fails to do (that is what the verdict says), only E_INTERRUPTED
 * when the signal fired.
 */
export async function deployTo(
  device: DeviceConfig,
  commit: string | null,
  options: DeployOptions,
): Promise<DeviceDeployment> {
  const start = performance.now();
  const stage = options.progress.stage(`deploy ${device.name}`);
  const show = {
    bytes: (bytes: number) => stage.advance({ bytes }),
    detail: (detail: string) => stage.advance({ detail }),
  };
  const attempt = new DeployAttempt(device, commit, options, show);
  let hold: Hold | null = null;
  const console_ = await followConsole(device, options);
  let ms = 0;
  let told: Partial<Evidence> = {};
  try {
    const { signal, environment, waitLockMs = 0 } = options;
    const to = await connectionOf(device, options.workspace);
    hold = new Hold(to, { signal, environment, waitLockMs, onWait: show.detail });
    await attempt.work(hold);
    ms = performance.now() - start;
    told = await tell(attempt, hold);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') {
      stage.fail();
      throw error;
    }
    attempt.observed.stopped = { code: error.code, message: error.message };
    ms = performance.now() - start;
    told = await tell(attempt, hold);
  } finally {
    await hold?.end();
  }
  const { verdict, reason } = judge(attempt.observed);
  if (reason === null) stage.done(verdict);
  else stage.fail();
  const { before, after, rebooted, wanted } = attempt.observed;
  const seen = after ?? (rebooted ? null : before);
  return {
    name: device.name,
    verdict,
    reason,
    warnings: [...(attempt.powerCycled ? [cycledWarning] : []), ...(seen?.health?.warnings ?? [])],
    wanted,
    commit: seen?.booted.checksum ?? null,
    bytesSent: hold?.bytesSent ?? 0,
    ms: Math.round(ms),
    ownMs: Math.round(ms - (hold?.waits.ms ?? 0)),
    verdictMs: verdictTime(hold, start + ms),
    steps: attempt.recorder.steps,
    evidence: { ...noEvidence, ...told, console: rebooted ? await console_() : null },
  };
}

function verdictTime(hold: Hold | null, end: number): number | null {
  const judgedAt = hold?.waits.judgedAt ?? null;
  return judgedAt === null ? null : Math.round(end - judgedAt);
}

const cycledWarning = 'it did not come back from its reboot until its power was cycled';

/** Evidence that cannot be had changes no verdict. A device that was left as it is has nothing to tell. */
async function tell({ observed }: DeployAttempt, hold: Hold | null): Promise<Partial<Evidence>> {
  if (hold === null || !hold.connected || judge(observed).verdict === 'unchanged') return {};
  return gatherEvidence(hold.session).catch(() => ({}));
}

/** Bytes of the console that are kept: those of all boots of a trial. */
const trialConsole = 2 ** 20;

/** What the serial console of a virtual device prints from now on. */
async function followConsole(
  device: DeviceConfig,
  { workspace }: DeployOptions,
): Promise<() => Promise<string | null>> {
  if (!device.virtual) return async () => null;
  const { console: file } = deviceFiles(workspace, device.name);
  const from = await lengthOf(file);
  return async () => (await consoleSince(file, from, trialConsole)) || null;
}
