import { resourceText } from '../../resources.ts';
import { scriptImage } from './script-image.ts';

/** Kernel argument that tells where the boot counter is: `lockstep.counter=/dev/disk/by-partuuid/…` */
export const counterArgument = 'lockstep.counter';
/** Kernel argument that the boot script adds on trial: which boot of it this is, `lockstep.boot=1`. */
export const bootArgument = 'lockstep.boot';
/** Kernel argument that the boot script adds when it took the older deployment. */
export const fallbackArgument = 'lockstep.fallback';

/** The boot script's text, for mkimage or to be read. */
export function bootScript(): string {
  return resourceText('device/boot.cmd');
}

/** /boot/boot.scr, as U-Boot's `distro_bootcmd` finds it. */
export function bootScriptImage(): Buffer {
  return scriptImage(bootScript());
}
