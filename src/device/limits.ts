/** Bounds on a deployment, in milliseconds. */
export interface DeployLimits {
  /** As a whole; a transfer at a standstill is noticed sooner. */
  pull: number;
  deploy: number;
  /** Until the old boot no longer answers. */
  down: number;
  /** Uptime in which a boot must have settled; on trial the device reboots when it has not. */
  boot: number;
  /** Boots that are not confirmed before the device takes the older deployment. */
  boots: number;
  /** From the command to reboot until a boot has been judged; all boots of a trial, when not given. */
  return: number;
}

const usual = { pull: 6 * 3_600_000, deploy: 900_000, down: 180_000, boot: 300_000, boots: 3 };

/** Shut-down, firmware and boot loader of one boot. */
const between = 60_000;

/** In which a single boot that is started now must have been judged, or be given up. */
export function oneBoot({ boot }: Pick<DeployLimits, 'boot'>): number {
  return boot + between;
}

export function limitsOf(given: Partial<DeployLimits> = {}): DeployLimits {
  const limits = { ...usual, ...given };
  return { return: (limits.boots + 1) * oneBoot(limits), ...limits };
}
