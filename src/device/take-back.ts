import { beforeTrial, deployCommit, undeploy } from './deploy-commit.ts';
import type { Hold } from './hold.ts';
import type { DeployLimits } from './limits.ts';
import type { DeviceState } from './observe.ts';
import { reboot } from './reboot.ts';
import type { Deployment } from './status.ts';
import { closeTrial } from './trial.ts';

/** The deployment that an unhealthy device without a boot counter is taken back to; null: there is none, or no trial. */
export function refugeOf(seen: DeviceState, wanted: string): Deployment | null {
  const open = seen.trial?.commit === wanted && seen.trial.result === null;
  return open ? beforeTrial(seen) : null;
}

/** Boots the older deployment, and takes the bad one away. Returns what the device runs then. */
export async function takeBack(
  hold: Hold,
  seen: DeviceState,
  refuge: Deployment,
  limits: DeployLimits,
): Promise<DeviceState> {
  const bad = seen.booted.checksum;
  await closeTrial(hold.session, seen);
  await deployCommit(hold, seen, refuge.checksum, limits);
  hold.waits.reboot();
  await reboot(hold.session);
  const waiting = { downMs: limits.down, returnMs: limits.return, wanted: refuge.checksum, trial: limits };
  const after = await hold.follow(seen.bootId, waiting);
  await closeTrial(hold.session, after);
  await undeploy(hold.session, after, bad, limits.deploy);
  return after;
}
