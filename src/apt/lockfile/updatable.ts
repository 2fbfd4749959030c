import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { nearestNames } from '../choose/unknown-package.ts';
import { inputsOf, staleness, wantedPackages } from './lock-inputs.ts';
import type { Lockfile } from './lockfile.ts';

/**
 * Those of the packages that an image has, by its lockfile or by its configuration.
 * @param lockfile what is to stay as it is. Throws E_LOCK_STALE when it was made for another archive than the image's.
 */
export function updatableAlone(only: readonly string[], image: ImageConfig, lockfile: Lockfile): string[] {
  const there = new Set([...lockfile.packages.map((each) => each.package), ...wantedPackages(image)]);
  const named = only.filter((name) => there.has(name));
  if (named.length > 0) refuseOtherArchive(image, lockfile);
  return named;
}

/** Throws E_USAGE for a name that no image has. @param named by image, what `updatableAlone` gave */
export function refuseUnknown(
  only: readonly string[],
  named: readonly (readonly string[])[],
  lockfiles: readonly Lockfile[],
): void {
  const unknown = only.find((name) => !named.flat().includes(name));
  if (unknown === undefined) return;
  const names = [...new Set(lockfiles.flatMap(({ packages }) => packages.map((each) => each.package)))];
  const near = nearestNames(unknown, names);
  const hint = near.length === 0 ? null : `there is ${near.join(', ')}`;
  throw new LockstepError('E_USAGE', `--only: no image has the package ${unknown}`, { hint: hint ?? undefined });
}

/** What lockstep.yml has come to ask for, packages, debs and pins, comes along; all else would be held for nothing. */
function refuseOtherArchive(image: ImageConfig, { file, inputs, packages }: Lockfile): void {
  const now = inputsOf(image);
  const { packages: wanted, debs, pins } = now;
  const differences = inputs === null ? [] : staleness({ ...inputs, packages: wanted, debs, pins }, now);
  const foreign = packages.find(({ architecture }) => architecture !== image.arch && architecture !== 'all');
  if (foreign !== undefined)
    differences.push(`${foreign.package} is for ${foreign.architecture}, the image is ${image.arch}`);
  if (differences.length === 0) return;
  const message = `${file} cannot stay as it is for image ${image.name}:\n  ${differences.slice(0, 5).join('\n  ')}`;
  throw new LockstepError('E_LOCK_STALE', message, { hint: 'run `lockstep update` without `--only` once' });
}
