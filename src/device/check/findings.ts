import type { Architecture } from '../../config/types.ts';
import { idleSector, markerSector } from '../../image/trial/counter-sectors.ts';
import { counterOf } from '../boot-counter.ts';
import type { DeviceState } from '../observe.ts';
import type { Mendable } from './finding.ts';
import { cleanUp, markCounter, replaceBootScript, restoreRemote } from './fixes.ts';
import { bootFiles, type Survey } from './survey.ts';

/** KiB below which a new deployment may not fit into /sysroot. */
const leastFree = 300 * 1024;
/** The first version with `ostree admin pin`. */
const oldestOstree = '2018.9';
/** Seconds by which a clock may be off; signatures have dates. */
const clockTolerance = 86_400;

/** What a device has to be: the architecture of its image; the time now, in seconds since 1970. */
export interface Wanted {
  arch: Architecture | null;
  now: number;
}

/** Judges what a device said. The order is that in which things matter to a deployment. */
export function findingsOf(state: DeviceState, survey: Survey, wanted: Wanted): Mendable[] {
  return [
    deployment(state),
    version(survey),
    ...architecture(state, wanted),
    bootLoader(survey),
    ...bootScript(survey),
    counter(state, survey),
    trial(survey),
    watchdog(survey),
    ...space(survey),
    remote(survey),
    systemd(survey),
    clock(survey, wanted),
  ];
}

function deployment({ booted, machine }: DeviceState): Mendable {
  const { checksum, serial, stateroot } = booted;
  return { what: 'ostree', state: 'has', detail: `${stateroot} ${checksum.slice(0, 12)}.${serial} on ${machine}` };
}

function version({ ostreeVersion }: Survey): Mendable {
  const what = 'ostree version';
  if (ostreeVersion === null) return { what, state: 'lacks', detail: '`ostree --version` says nothing' };
  const old = ostreeVersion.localeCompare(oldestOstree, 'en', { numeric: true }) < 0;
  if (!old) return { what, state: 'has', detail: ostreeVersion };
  return { what, state: 'lacks', detail: `${ostreeVersion}; ${oldestOstree} or later is needed` };
}

const machines: Record<Architecture, RegExp> = {
  armhf: /^armv[78]l$|^aarch64$/,
  arm64: /^aarch64$/,
  amd64: /^x86_64$/,
};

function architecture({ machine }: DeviceState, { arch }: Wanted): Mendable[] {
  if (arch === null) return [];
  const fits = machines[arch].test(machine);
  const detail = fits ? `${machine} runs ${arch}` : `${machine} does not run its image, which is for ${arch}`;
  return [{ what: 'architecture', state: fits ? 'has' : 'lacks', detail }];
}

function bootLoader({ bootFiles: found, bootloader }: Survey): Mendable {
  const what = 'boot loader';
  const names = Object.entries(bootFiles).filter(([, file]) => found.includes(file));
  if (names.length > 0)
    return { what, state: 'has', detail: names.map(([name, file]) => `${name} (${file})`).join(', ') };
  const detail =
    bootloader === 'none'
      ? 'ostree is told that there is none: does anything read /boot/loader/entries?'
      : 'ostree would write /boot/loader/entries alone: does the boot loader read them? U-Boot needs an empty /boot/loader/uEnv.txt';
  return { what, state: 'warns', detail };
}

/** What the header of U-Boot's script says of lockstep's own (image/trial/script-image.ts). */
const ownName = 'lockstep boot';

function bootScript({ bootScript: script, imageBootScript, bootFiles: found }: Survey): Mendable[] {
  const what = 'boot script';
  if (!found.includes(bootFiles['U-Boot, by uEnv.txt'])) return [];
  if (script === null) return [{ what, state: 'warns', detail: '/boot/boot.scr is not there: boots are not counted' }];
  if (script.name !== ownName) {
    const detail = `/boot/boot.scr is not lockstep’s (it is called "${script.name}"): boots are not counted`;
    return [{ what, state: 'warns', detail }];
  }
  if (imageBootScript === null || imageBootScript === script.digest) {
    return [{ what, state: 'has', detail: '/boot/boot.scr counts boots' }];
  }
  const detail = '/boot/boot.scr is lockstep’s, and another than that of the running image';
  return [{ what, state: 'warns', detail, fix: replaceBootScript }];
}

function counter(state: DeviceState, { counterSectors: sectors }: Survey): Mendable {
  const what = 'boot counter';
  const path = counterOf(state);
  if (path === null) return { what, state: 'warns', detail: 'none: the boot loader does not fall back by itself' };
  if (sectors === null) return { what, state: 'lacks', detail: `${path} is not there, or smaller than 1 KiB` };
  const [first, second] = [sectors.subarray(0, 512), sectors.subarray(512)];
  if (second.equals(markerSector())) return { what, state: 'has', detail: path };
  const detail = `${path} is not marked as a counter: the boot script leaves it alone`;
  const empty = (sector: Buffer) => sector.every((byte) => byte === 0);
  const ours = empty(second) && (empty(first) || first.equals(idleSector()));
  if (ours) return { what, state: 'warns', detail, fix: markCounter(path) };
  return { what, state: 'warns', detail: `${detail}, and something else lies there` };
}

function trial({ trialUnit }: Survey): Mendable {
  const what = 'trial';
  if (trialUnit) return { what, state: 'has', detail: 'the image confirms a healthy boot by itself' };
  const detail = 'the image that it runs does not judge its own boots: an older one, or not lockstep’s';
  return { what, state: 'warns', detail };
}

function watchdog(survey: Survey): Mendable {
  if (survey.watchdog) return { what: 'watchdog', state: 'has', detail: '/dev/watchdog0' };
  return { what: 'watchdog', state: 'warns', detail: 'none: a kernel that hangs without a panic stays so' };
}

function space({ free, kernelSize }: Survey): Mendable[] {
  const mebibytes = (kibibytes: number) => `${Math.floor(kibibytes / 1024)} MiB`;
  const told = (place: string, left: number, least: number): Mendable => {
    const what = `space in ${place}`;
    if (left >= least) return { what, state: 'has', detail: `${mebibytes(left)} free` };
    const detail = `${mebibytes(left)} free; a new deployment may need ${mebibytes(least)}`;
    return { what, state: 'warns', detail, fix: cleanUp };
  };
  const sysroot = told('/sysroot', free.sysroot, leastFree);
  if (free.oneFileSystem) return [sysroot];
  // While a deployment is written, there is one kernel more than before.
  return [sysroot, told('/boot', free.boot, kernelSize)];
}

function remote({ remote: demanded }: Survey): Mendable {
  const what = 'remote';
  if (demanded === null) return { what, state: 'has', detail: 'lockstep: the image demands no signatures' };
  const { name, known, keys } = demanded;
  if (!known) {
    return {
      what,
      state: 'lacks',
      detail: `the image pulls by ${name}, which ostree does not know`,
      fix: restoreRemote,
    };
  }
  if (keys === 0)
    return { what, state: 'lacks', detail: `${name} demands signatures and has no key: it takes nothing` };
  return { what, state: 'has', detail: `${name} takes what ${keys} key${keys === 1 ? '' : 's'} signed` };
}

function systemd({ systemState }: Survey): Mendable {
  if (systemState === '') return { what: 'systemd', state: 'lacks', detail: 'systemctl does not answer' };
  return { what: 'systemd', state: systemState === 'running' ? 'has' : 'warns', detail: systemState };
}

function clock({ clock: theirs }: Survey, { now }: Wanted): Mendable {
  const off = theirs - now;
  if (Math.abs(off) < clockTolerance) return { what: 'clock', state: 'has', detail: 'right within a day' };
  const days = Math.round(Math.abs(off) / 86_400);
  return {
    what: 'clock',
    state: 'warns',
    detail: `${days} days ${off < 0 ? 'behind' : 'ahead'}: signatures have dates`,
  };
}
