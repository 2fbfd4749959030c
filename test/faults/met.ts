import type { DeviceDeployment } from '../../src/device/deploy.ts';
import type { Bench } from './bench.ts';
import type { Seen } from './fault.ts';
import type { Images } from './images.ts';

/** Seconds for three boots on trial, a fourth into the older deployment, and what comes before. */
export const allBoots = 900;
export const oneBoot = 400;

/** A deployment of one of the commits, with nothing else in its way. */
export const ofImage = (image: keyof Images) => (bench: Bench) => deployed(bench, bench.images[image]);

export async function deployed(
  bench: Bench,
  wanted: string,
  options: Parameters<Bench['deploy']>[1] & { drawn?: string } = {},
): Promise<Seen> {
  return seenOf(await bench.deploy(wanted, options), options.drawn);
}

export function seenOf({ verdict, reason, wanted, ms }: DeviceDeployment, drawn?: string): Seen {
  return { verdict, reason, wanted, ms, drawn };
}
