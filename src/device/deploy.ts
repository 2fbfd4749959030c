import type { DeviceConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { DeployAttempt, type DeployOptions } from './attempt.ts';
import type { Step } from './steps.ts';
import { judge, type Verdict } from './verdict.ts';

/** How a deployment to one device went. */
export interface DeviceDeployment {
  name: string;
  verdict: Verdict;
  /** Why, when the device does not run what it should. */
  reason: string | null;
  /** The commit that the device should run. */
  wanted: string;
  /** The commit that it was last seen to run; null: it was never asked. */
  commit: string | null;
  bytesSent: number;
  ms: number;
  steps: Step[];
  /** End of the journal of the boot that was judged; null: not to be had. */
  journal: string | null;
}

/**
 * Makes one device run a commit that the archive repository holds, and judges what came of it. Never throws for what a
 * device does or fails to do (that is what the verdict says), only E_INTERRUPTED when the signal fired.
 */
export async function deployTo(
  device: DeviceConfig,
  commit: string,
  options: DeployOptions,
): Promise<DeviceDeployment> {
  const start = performance.now();
  const attempt = new DeployAttempt(device, commit, options);
  const stage = options.progress.stage(`deploy ${device.name}`);
  const show = {
    bytes: (bytes: number) => stage.advance({ bytes }),
    detail: (detail: string) => stage.advance({ detail }),
  };
  try {
    await attempt.work(show);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') {
      stage.fail();
      throw error;
    }
    attempt.observed.stopped = { code: error.code, message: error.message };
  } finally {
    await attempt.session?.close();
  }
  const { verdict, reason } = judge(attempt.observed);
  if (reason === null) stage.done(verdict);
  else stage.fail();
  const seen = attempt.observed.after ?? (attempt.observed.rebooted ? null : attempt.observed.before);
  return {
    name: device.name,
    verdict,
    reason,
    wanted: commit,
    commit: seen?.booted.checksum ?? null,
    bytesSent: attempt.bytesSent,
    ms: Math.round(performance.now() - start),
    steps: attempt.recorder.steps,
    journal: attempt.journal,
  };
}
