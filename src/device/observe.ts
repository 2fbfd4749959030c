import { LockstepError } from '../errors/index.ts';
import { type Health, parseHealth } from './health.ts';
import { vouchedFunctions } from './push/push-scripts.ts';
import { scriptFunctions } from './script-functions.ts';
import type { Session } from './ssh/session.ts';
import { type Deployment, parseStatus } from './status.ts';
import { parseTrial, type TrialRecord } from './trial-record.ts';

/** What a device says of itself at one moment. */
export interface DeviceState {
  /** Another one after every boot. */
  bootId: string;
  /** Which turn of the lock it was (lock.ts); `held` while somebody has it. */
  turn: string;
  /** Arguments of the running kernel. */
  cmdline: string[];
  /** Arguments that the boot loader's entry of the booted deployment has; those of the running kernel when unknown. */
  options: string[];
  deployments: Deployment[];
  booted: Deployment;
  /** `<commit>.<serial>` of the directory that the kernel's `ostree=` leads to; null when it leads nowhere. */
  bootedDirectory: string | null;
  /** As `systemctl is-system-running` says: running, degraded, starting, … */
  systemState: string;
  failedUnits: string[];
  /** The boot counter is armed: the deployment was not confirmed yet, and too many boots of it end in the older one. */
  onTrial: boolean;
  /** The trial that is open, or was the last. */
  trial: TrialRecord | null;
  /** Why boots of the last trial were not confirmed, a line each. */
  trialReasons: string[];
  /** The image has the programs that judge a boot, and a unit that starts them. */
  judgesItself: boolean;
  /** What was found in this boot; null: nothing yet. */
  health: Health | null;
  /** The commit that was asked for was pushed whole and judged by what the device trusts now, or has a deployment. */
  transferred: boolean;
  /** Seconds since 1970 by the device's clock. */
  clock: number;
  /** uname -m */
  machine: string;
}

// One round trip for all, and few programs: on a slow board each costs tenths of a second, and hundredths.
const questions = `${scriptFunctions}
say() { printf '\\n@@ %s\\n' "$1"; }
ostree=/ostree repo=/ostree/repo state=/var/lib/lockstep run=/run/lockstep${vouchedFunctions}
say bootId; show /proc/sys/kernel/random/boot_id
say turn; if [ -e $run/owner ]; then echo held; elif [ -e $run/turn ]; then show $run/turn; else echo 0; fi
say cmdline; show /proc/cmdline
say machine; uname -m
say clock; date +%s
say status; command -v ostree >/dev/null && ostree admin status 2>/dev/null
counter= target=
read -r words </proc/cmdline
for word in $words; do
  case $word in
    ostree=*) target=\${word#ostree=} ;;
    lockstep.counter=*) counter=\${word#lockstep.counter=} ;;
  esac
done
say directory; if [ -n "$target" ] && cd -P "/sysroot$target" 2>/dev/null; then pwd; cd /; fi
say options
[ -z "$target" ] || for entry in /boot/loader/entries/*.conf; do
  [ -r "$entry" ] || continue
  while read -r key value; do
    case "$key $value " in "options "*"ostree=$target "*) printf '%s\\n' "$value" ;; esac
  done <"$entry"
done
say counter; [ -z "$counter" ] || dd if="$counter" bs=4 skip=1 count=127 status=none | tr '\\0' '\\n'
say trial; if [ -e $state/trial ]; then show $state/trial; else show $state/ended; fi
say reasons; show $state/reasons
say judges; [ -x /usr/lib/lockstep/trial ] && [ -e /usr/lib/systemd/system/lockstep-confirm.service ] && echo yes
say health; show $run/health
say transferred
if [ -n "$1" ] && [ ! -e "$repo/state/$1.commitpartial" ]; then
  deployed=
  for each in /ostree/deploy/*/deploy/"$1".*; do [ ! -e "$each" ] || deployed=yes; done
  if [ -n "$deployed" ] || vouched "$1"; then echo yes; fi
fi
failed=unknown
say systemState
for word in $(systemctl show --property=SystemState --property=NFailedUnits 2>/dev/null); do
  case $word in SystemState=*) echo "\${word#*=}" ;; NFailedUnits=0) failed=none ;; esac
done
say failedUnits; [ $failed = none ] || systemctl list-units --failed --plain --no-legend --no-pager | cut -d' ' -f1
exit 0`;

/**
 * Asks a device what it runs, and whether it has a commit. Throws E_DEVICE_PREPARE when it was not booted from an ostree
 * deployment.
 */
export async function observe(session: Session, wanted = ''): Promise<DeviceState> {
  return observeAfter(session, '', [wanted], 60_000);
}

/**
 * The same after a shell script, in one round trip; `args` are the script's, the first one is the commit to look for.
 * `onLine` is told all lines, those of the script first.
 */
export async function observeAfter(
  session: Session,
  script: string,
  args: readonly string[],
  timeoutMs: number,
  onLine = (_line: string) => {},
): Promise<DeviceState> {
  const argv = ['sh', '-c', `${script}\n${questions}`, 'sh', ...args];
  const { stdout } = await session.exec(argv, { timeoutMs, onLine });
  return readAnswers(stdout, session.device);
}

/** Reads the output of the questions; exported for its tests. */
export function readAnswers(text: string, device: string): DeviceState {
  const answers = new Map<string, string>();
  for (const section of text.split('\n@@ ').slice(1)) {
    const end = section.indexOf('\n');
    answers.set(section.slice(0, end), section.slice(end + 1));
  }
  const answer = (name: string) => answers.get(name)?.trim() ?? '';
  const deployments = parseStatus(answers.get('status') ?? '');
  const booted = deployments.find((deployment) => deployment.booted);
  if (booted === undefined) {
    throw new LockstepError('E_DEVICE_PREPARE', `device ${device} does not run an ostree deployment`, {
      hint: 'It needs a first image that was deployed with ostree, and the program ostree in it.',
    });
  }
  const directory = /\/deploy\/[^/]+\/deploy\/([0-9a-f]{64}\.\d+)$/.exec(answer('directory'));
  const cmdline = words(answer('cmdline'));
  const options = words(answer('options'));
  const counter = words(answer('counter'));
  return {
    bootId: answer('bootId'),
    turn: answer('turn'),
    cmdline,
    options: options.length > 0 ? options : cmdline,
    deployments,
    booted,
    bootedDirectory: directory?.[1] ?? null,
    systemState: answer('systemState'),
    failedUnits: words(answer('failedUnits')),
    // A damaged sector counts as a trial, as it does for the boot script.
    onTrial: counter.length > 0 && !counter.includes('upgrade_available=0'),
    trial: parseTrial(answer('trial')),
    trialReasons: answer('reasons')
      .split('\n')
      .filter((line) => line !== ''),
    judgesItself: answer('judges') === 'yes',
    health: parseHealth(answer('health')),
    transferred: answer('transferred') === 'yes',
    clock: Number(answer('clock')),
    machine: answer('machine'),
  };
}

/** Only this: cheap enough to be asked again and again. */
export async function readBootId(session: Session): Promise<string> {
  const { stdout } = await session.exec(['cat', '/proc/sys/kernel/random/boot_id'], { timeoutMs: 15_000 });
  return stdout.trim();
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
