import { expiredPins, idlePins } from '../../apt/choose/pin-state.ts';
import type { Resolution } from '../../apt/resolve.ts';
import type { VersionOf } from '../../apt/root/preferences.ts';
import type { ImageConfig } from '../../config/types.ts';
import type { Progress } from '../../progress/progress.ts';

/** What is odd about the configuration of an image that is to be resolved. */
export function noteBefore(progress: Progress, image: ImageConfig, without: readonly string[], now: Date): void {
  for (const suite of image.suites.filter((candidate) => without.includes(candidate))) {
    progress.note(`image ${image.name}: without ${suite}, as told; update again when the mirror serves it`);
  }
  const stable = image.suites.some((suite) => image.suites.includes(`${suite}-updates`));
  if (stable && !image.suites.some((suite) => suite.endsWith('-security'))) {
    progress.note(`image ${image.name} lists no -security suite: it gets no security updates`);
  }
  for (const pin of expiredPins(image, now)) {
    progress.note(`image ${image.name}: the pin of ${pin.package} expired on ${pin.expires}: ${pin.reason}`);
  }
}

/** What is odd about what came of it. */
export function noteAfter(progress: Progress, image: ImageConfig, resolution: Resolution): void {
  const { packages, early, departed, excludedNothing } = resolution;
  for (const pin of idlePins(image, packages)) {
    progress.note(`image ${image.name} has no package ${pin.package}: its pin holds nothing`);
  }
  for (const name of excludedNothing) {
    progress.note(`image ${image.name}: no suite has a package ${name}: its exclusion keeps nothing out`);
  }
  if (early.length > 0) {
    progress.note(
      `image ${image.name}: takes what is younger than minimumAge, as there is no solution without it: ${listed(early)}`,
    );
  }
  if (departed.length > 0) {
    progress.note(`image ${image.name}: stays at versions that have left their suites: ${listed(departed)}`);
  }
}

/** A first lockfile may have to take all there is. */
function listed(versions: readonly VersionOf[]): string {
  const shown = versions.slice(0, 6).map((each) => `${each.package} ${each.version}`);
  return versions.length > shown.length
    ? `${shown.join(', ')} and ${versions.length - shown.length} more`
    : shown.join(', ');
}
