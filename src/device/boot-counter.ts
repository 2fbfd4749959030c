import { crc32 } from './crc32.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './session.ts';

/**
 * The sector through which the boot script learns that a new deployment is on trial. While `upgrade_available` is 1 the
 * script counts boots in `bootcount`; beyond its limit it takes the older deployment. Once the new one is proven it is
 * cleared. The layout is U-Boot's plain environment: CRC-32 of the rest, little-endian, then `name=value\0`, then `\0`.
 */
export const counterSize = 512;

/** Kernel argument that tells where the sector is: `lockstep.counter=/dev/disk/by-partuuid/…` */
export const counterArgument = 'lockstep.counter';
/** Kernel argument that the boot script adds when it took the older deployment. */
export const fallbackArgument = 'lockstep.fallback';

export function counterSector(armed: boolean): Buffer {
  const variables = armed ? { upgrade_available: '1', bootcount: '0' } : { upgrade_available: '0', bootcount: '0' };
  const sector = Buffer.alloc(counterSize);
  sector.write(
    `${Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\0`)
      .join('')}\0`,
    4,
    'ascii',
  );
  sector.writeUInt32LE(crc32(sector.subarray(4)), 0);
  return sector;
}

/** Path of the device's counter, or null when its boot loader does not count. */
export function counterOf(state: DeviceState): string | null {
  const word = state.cmdline.find((argument) => argument.startsWith(`${counterArgument}=`));
  return word === undefined ? null : word.slice(counterArgument.length + 1);
}

/** Writes the counter through to the disk; nothing to do for a device that has none. */
export async function setCounter(session: Session, state: DeviceState, armed: boolean): Promise<void> {
  const path = counterOf(state);
  if (path === null) return;
  const argv = [
    'dd',
    `of=${path}`,
    `bs=${counterSize}`,
    'count=1',
    'iflag=fullblock',
    'conv=notrunc,fsync',
    'status=none',
  ];
  await session.exec(argv, { input: counterSector(armed), timeoutMs: 60_000 });
}
