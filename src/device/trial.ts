import { bootArgument } from '../image/trial/boot-script.ts';
import { armedSector, idleSector } from '../image/trial/counter-sectors.ts';
import { resourceText } from '../resources.ts';
import { counterOf } from './boot-counter.ts';
import type { Owner } from './lock.ts';
import { type DeviceState, observeAfter } from './observe.ts';
import { printfFormat } from './script-functions.ts';
import type { Session } from './ssh/session.ts';
import { nameOf } from './status.ts';
import type { Waits } from './waits.ts';

export interface TrialLimits {
  /** Boots that are not confirmed before the older deployment is taken. */
  boots: number;
  /** Milliseconds of uptime in which a boot must have settled. */
  boot: number;
}

// The record lies on the device's disk, so that what judges a boot there knows what is on trial. The counter is armed
// last: from then on the boot loader counts.
const openScript = `
counter=$1 commit=$2 previous=$3 limit=$4 armed=$5 idle=$6 owner=$7 pin=$8
shift 8
state=/var/lib/lockstep
[ -d $state ] || mkdir -p $state
rm -rf $state/reasons $state/boots $state/ended $state/trial
printf "$idle" >$state/idle
printf "$armed" >$state/armed
for unit; do printf '%s\\n' "$unit"; done >$state/failed-before
case $pin in no) pinned=no ;; *) pinned=yes ;; esac
printf '%s\\n' "commit=$commit" "previous=$previous" "pinned=$pinned" "limit=$limit" >$state/trial.new
mv $state/trial.new $state/trial
# Written down before it is done: what is pinned for a trial must not stay so for ever.
case $pin in no | yes) ;; *) ostree admin pin "$pin" >/dev/null ;; esac
read -r boot </proc/sys/kernel/random/boot_id
printf '%s\\n' "$owner" "boot=$boot" >$state/owner.new
mv $state/owner.new $state/owner
sync -f $state/trial
[ -z "$counter" ] || dd if=$state/armed of="$counter" bs=512 count=1 conv=notrunc,fsync status=none`;

/** From now on the device knows what is on trial, and its boot loader counts boots. */
export async function openTrial(
  session: Session,
  before: DeviceState,
  commit: string,
  owner: Owner,
  limits: TrialLimits,
): Promise<void> {
  const { booted } = before;
  const armed = armedSector({ boots: limits.boots, fallback: 2 });
  const args = [
    counterOf(before) ?? '',
    commit,
    nameOf(booted),
    String(Math.ceil(limits.boot / 1000)),
    printfFormat(armed),
    printfFormat(idleSector()),
    owner.lines,
    pinOf(before),
    ...before.failedUnits,
  ];
  await session.script(openScript, { args, timeoutMs: 120_000 });
}

/** The index to pin; `yes`: an earlier trial did, and left it; `no`: somebody else did, who is to keep it. */
function pinOf({ booted, trial }: DeviceState): string {
  if (!booted.pinned) return String(booted.index);
  return trial !== null && trial.result === null && trial.pinned && trial.previous === nameOf(booted) ? 'yes' : 'no';
}

/**
 * The entry that the boot loader falls back to is the second in the boot order, unless there is a deployment in between.
 * `older`: index of the one that runs, behind the one on trial.
 */
export async function correctFallback(
  session: Session,
  before: DeviceState,
  older: number,
  limits: TrialLimits,
): Promise<void> {
  const counter = counterOf(before);
  if (counter === null || older === 1) return;
  const sector = printfFormat(armedSector({ boots: limits.boots, fallback: older + 1 }));
  const script = `printf "$2" >/var/lib/lockstep/armed
dd if=/var/lib/lockstep/armed of="$1" bs=512 count=1 conv=notrunc,fsync status=none`;
  await session.script(script, { args: [counter, sector], timeoutMs: 60_000 });
}

/** Directory of the programs, on images that do not bring them: gone with the next boot. */
const lentPrograms = '/run/lockstep/bin';

/** Where the programs `health` and `trial` are; brought there when the image has none. */
async function programs(session: Session, seen: DeviceState): Promise<string> {
  if (seen.judgesItself) return '/usr/lib/lockstep';
  const texts = { health: resourceText('device/health.sh'), trial: resourceText('device/trial.sh') };
  const marker = '@@ lockstep @@';
  const script = `mkdir -p "$1"; awk -v dir="$1" '$0 == "${marker}" { getline; out = dir "/" $0; next } { print >out }'; chmod 755 "$1"/*`;
  const input = Object.entries(texts).map(([name, text]) => `${marker}\n${name}\n${text}`);
  await session.script(script, { args: [lentPrograms], input: input.join(''), timeoutMs: 60_000 });
  return lentPrograms;
}

/** Ends a trial without judging it: nothing was deployed, or what was deployed is what runs. */
export async function closeTrial(session: Session, seen: DeviceState): Promise<void> {
  await session.exec([`${await programs(session, seen)}/trial`, 'clear'], { timeoutMs: 120_000 });
}

// Nothing but shell built-ins in the loop: the device is busy booting.
const awaitJudged = `
limit=$2
until [ -e /run/lockstep/done ]; do
  read -r up _ </proc/uptime
  [ "\${up%.*}" -lt "$limit" ] || break
  sleep 0.3
done
judged=
[ ! -e /run/lockstep/done ] || read -r judged </run/lockstep/done
read -r up _ </proc/uptime
printf '\\n@@ judged\\n%s %s\\n' "$judged" "$up"`;

const judgeNow = `
"$3/$4" $5 >/dev/null 2>&1
printf '\\n@@ judged\\n\\n'`;

/** Hears from the lines of the scripts above when the boot was judged; `told` is called with how many milliseconds ago. */
function hearJudged(told: (agoMs: number) => void): (line: string) => void {
  let next = false;
  return (line) => {
    // Images of earlier times do not say when.
    const [, judged = 0, up = 0] = /^([0-9.]+) ([0-9.]+)$/.exec(line) ?? [];
    if (next) told(Math.max(0, Math.round(1000 * (Number(up) - Number(judged)))));
    next = line === '@@ judged';
  };
}

/** Seconds that health scripts and the end of a trial may take after the boot has settled. */
const judgingSeconds = 300;

/**
 * Waits, bounded, until the device has judged its boot, then asks what runs. Where nothing on the device does so by itself
 * (no programs in the image, or a boot loader that does not say which boot this is), they are started from here. A device
 * that finds itself unhealthy on trial reboots: E_SSH_CUT.
 */
export async function observeJudged(
  session: Session,
  seen: DeviceState,
  wanted: string,
  limits: TrialLimits,
  waits: Waits,
): Promise<DeviceState> {
  const seconds = Math.ceil(limits.boot / 1000) + judgingSeconds;
  const timeoutMs = (seconds + 60) * 1000;
  const onLine = hearJudged(waits.untilJudged());
  const told = seen.cmdline.some((argument) => argument.startsWith(`${bootArgument}=`));
  if (seen.judgesItself && (told || !seen.onTrial)) {
    return observeAfter(session, awaitJudged, [wanted, String(seconds)], timeoutMs, onLine);
  }
  const command = seen.onTrial ? ['trial', 'confirm 1'] : ['health', String(Math.ceil(limits.boot / 1000))];
  const args = [wanted, String(seconds), await programs(session, seen), ...command];
  return observeAfter(session, judgeNow, args, timeoutMs, onLine);
}

/** Judges the health of a boot once more: somebody may have mended what was wrong. */
export async function judgeAgain(session: Session, seen: DeviceState, wanted: string): Promise<DeviceState> {
  const args = [wanted, '', await programs(session, seen), 'health', '0'];
  return observeAfter(session, judgeNow, args, (judgingSeconds + 60) * 1000);
}
