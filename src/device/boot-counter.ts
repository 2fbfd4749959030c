import { counterArgument } from '../image/trial/boot-script.ts';
import { armedSector, counterSize, idleSector, type TrialSettings } from '../image/trial/counter-sectors.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './ssh/session.ts';

/** Path of the device's boot counter, or null when its boot loader does not count. */
export function counterOf({ cmdline }: Pick<DeviceState, 'cmdline'>): string | null {
  const word = cmdline.find((argument) => argument.startsWith(`${counterArgument}=`));
  return word === undefined ? null : word.slice(counterArgument.length + 1);
}

/** Writes the counter through to the disk; nothing to do for a device that has none. `trial` null: nothing is on trial. */
export async function setCounter(session: Session, state: DeviceState, trial: TrialSettings | null): Promise<void> {
  const path = counterOf(state);
  if (path === null) return;
  const size = [`bs=${counterSize}`, 'count=1', 'iflag=fullblock'];
  const input = trial === null ? idleSector() : armedSector(trial);
  const argv = ['dd', `of=${path}`, ...size, 'conv=notrunc,fsync', 'status=none'];
  await session.exec(argv, { input, timeoutMs: 60_000 });
}
