import type { ImageConfig, PinConfig } from '../../config/types.ts';
import type { Versioned } from '../changes/diff.ts';

/** The pins of an image whose last day is over, by UTC. */
export function expiredPins({ pins }: Pick<ImageConfig, 'pins'>, now: Date): PinConfig[] {
  const today = now.toISOString().slice(0, 10);
  return pins.filter(({ expires }) => expires !== null && expires < today);
}

/** The pins of packages that the image does not have, by slips of the pen or as it no longer needs them. */
export function idlePins({ pins }: Pick<ImageConfig, 'pins'>, packages: readonly Versioned[]): PinConfig[] {
  const there = new Set(packages.map((each) => each.package));
  return pins.filter((pin) => !there.has(pin.package));
}
