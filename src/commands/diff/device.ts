import { pinnedOf } from '../../apt/changes/pinned.ts';
import type { LockedPackage } from '../../apt/lockfile/lockfile.ts';
import type { DeviceConfig, ImageConfig } from '../../config/types.ts';
import { eachDevice } from '../../device/each.ts';
import { installedPackages } from '../../device/installed.ts';
import { connectionOf } from '../../device/ssh/connection.ts';
import { connect } from '../../device/ssh/ssh.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Context } from '../verb.ts';
import type { Compared } from './described-images.ts';
import { packagesOf } from './lockfile-sides.ts';

/** What is installed on a device, and what is pinned for it. */
export interface DeviceSides extends Compared {
  device: string;
  image: ImageConfig;
  locked: LockedPackage[];
}

/** A device whose packages could not be read. */
export interface UnreadDevice {
  device: string;
  error: LockstepError;
}

/**
 * One device that cannot be read keeps no other back. @param name a lockfile or git revision; the work tree's lockfile when not given.
 * Throws E_NO_SUCH_IMAGE, E_LOCK_*, E_USAGE.
 */
export async function deviceSides(context: Context, name?: string): Promise<(DeviceSides | UnreadDevice)[]> {
  const [{ images }, { repo }, devices] = [await context.config(), await context.workspace(), await context.devices()];
  return eachDevice(devices, async (device): Promise<DeviceSides | UnreadDevice> => {
    const image = images.find((candidate) => candidate.name === device.image);
    if (image === undefined) {
      const message = `device ${device.name} wants image ${device.image}, which is not defined`;
      throw new LockstepError('E_NO_SUCH_IMAGE', message);
    }
    const locked = await packagesOf(context, image, name);
    try {
      const before = await installedOn(context, device, image);
      return { device: device.name, image, locked, before, after: locked.map(pinnedOf), repo };
    } catch (error) {
      if (!(error instanceof LockstepError) || context.signal.aborted) throw error;
      return { device: device.name, error };
    }
  });
}

async function installedOn(context: Context, device: DeviceConfig, image: ImageConfig) {
  const { signal, environment } = context;
  const session = await connect(await connectionOf(device, await context.workspace(), environment), {
    signal,
    environment,
  });
  try {
    return await installedPackages(session, image.arch);
  } finally {
    await session.close();
  }
}
