import pLimit from 'p-limit';

/**
 * Does the same for several devices at once, at most 16; results in the devices' order. When one throws, the others are
 * still waited for, so that nothing goes on unseen.
 */
export async function eachDevice<D, T>(devices: readonly D[], work: (device: D) => Promise<T>): Promise<T[]> {
  const limit = pLimit(16);
  const ends = await Promise.allSettled(devices.map((device) => limit(work, device)));
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}
