import { counterArgument } from '../image/trial/boot-script.ts';
import type { DeviceState } from './observe.ts';

/** Path of the device's boot counter, or null when its boot loader does not count. */
export function counterOf({ cmdline }: Pick<DeviceState, 'cmdline'>): string | null {
  const word = cmdline.find((argument) => argument.startsWith(`${counterArgument}=`));
  return word === undefined ? null : word.slice(counterArgument.length + 1);
}
