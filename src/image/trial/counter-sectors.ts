import { crc32 } from '../../ostree/crc32.ts';

/** Bytes of each of the counter's sectors. */
export const counterSize = 512;

/** Boots of a deployment on trial before the boot script takes the older one. */
export const usualBoots = 3;

/**
 * A sector of U-Boot's plain environment: CRC-32 of the rest, little-endian, then `name=value\0` each, then `\0`, filled up
 * with zeros (U-Boot, include/env_internal.h).
 */
function environmentSector(variables: Record<string, string | number>): Buffer {
  const sector = Buffer.alloc(counterSize);
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\0`);
  sector.write(`${lines.join('')}\0`, 4, 'ascii');
  sector.writeUInt32LE(crc32(sector.subarray(4)), 0);
  return sector;
}

/** Nothing is on trial. */
export function idleSector(): Buffer {
  return environmentSector({ upgrade_available: 0, bootcount: 0 });
}

export interface TrialSettings {
  /** Boots before the older deployment is taken, 1 to 8. */
  boots: number;
  /** Which entry that is, as ostree numbers them in uEnv.txt: 2 is the second in the boot order. */
  fallback: number;
}

/**
 * A deployment is on trial: the boot script counts its boots in `bootcount`, and beyond `bootlimit` takes the entry that
 * `fallback` names.
 */
export function armedSector({ boots, fallback }: TrialSettings): Buffer {
  return environmentSector({ upgrade_available: 1, bootcount: 0, bootlimit: boots, fallback });
}

/** The second sector of the counter's partition: only where it stands does the boot script write to the first. */
export function markerSector(): Buffer {
  return environmentSector({ lockstep_counter: 1 });
}
