import type { ImageConfig } from '../../config/types.ts';
import { wantedPackages } from '../lockfile/lock-inputs.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';

/** What an image asks apt for: packages, those of its local debs among them, and the pattern of the essential ones. */
export function wantedOf(image: ImageConfig, local: readonly LockedPackage[]): string[] {
  const own = local.map((locked) => locked.package);
  const base = image.base === 'essential' ? ['?essential'] : [];
  return [...new Set([...base, ...wantedPackages(image), ...own])];
}
