import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../errors/index.ts';
import { formatElapsed } from '../progress/format.ts';
import { scriptFunctions } from './script-functions.ts';
import type { Session } from './ssh/session.ts';

/** Who works on a device, as the device keeps it. */
export interface Owner {
  /** Another one for each deployment. */
  token: string;
  /** `name=value` lines. */
  lines: string;
}

export function newOwner(environment: NodeJS.ProcessEnv): Owner {
  const token = randomUUID();
  const work = environment.BUILD_TAG === undefined ? '' : `, ${environment.BUILD_TAG}`;
  const who = `${userInfo().username}@${hostname()}${work}`.replace(/[\n\r]/g, ' ');
  return { token, lines: [`token=${token}`, `who=${who}`, `host=${hostname()}`, `pid=${process.pid}`].join('\n') };
}

/** Seconds without a beat after which the device takes a holder for gone. */
const patience = 30;
const beatMs = 5_000;

/**
 * Seconds of uptime after which a device is no longer kept for who rebooted it: nobody is, or they would have come by then.
 */
const returnSeconds = 600;

// The lock is flock's, held by a shell whose input is this connection: it goes with the connection, with the agent's beat
// (a link that is cut tells sshd nothing), and with the device's power. Over a reboot the trial's owner file reserves it: who
// comes first afterwards waits a minute for the owner. Ages are by uptime, since clocks of boards are wrong. `turn` counts
// who has had it in this boot, twice: who finds the same number before and after it came to the lock knows that nobody was
// at work in between.
const holdScript = `${scriptFunctions}
owner=$1 token=$2 take=$3
run=/run/lockstep state=/var/lib/lockstep
umask 022
[ -d $run ] || mkdir -p $run
tell() { show "$1"; uptime_seconds; echo "now=$uptime"; exit 75; }
exec 9>>$run/lock
flock -n 9 || tell $run/owner
read -r boot </proc/sys/kernel/random/boot_id
others=no here=no
if [ -r $state/owner ]; then
  others=yes
  while IFS= read -r line; do
    case $line in "token=$token") others=no ;; "boot=$boot") here=yes ;; esac
  done <$state/owner
fi
uptime_seconds
comes=no
if [ $here = no ]; then [ "$uptime" -ge ${returnSeconds} ] || comes=yes
elif [ -e $state/rebooting ]; then comes=yes; fi
if [ $others = yes ] && [ $comes = yes ] && [ "$take" != yes ]; then
  [ -e $run/asked ] || echo "$uptime" >$run/asked
  read -r asked <$run/asked
  if [ $((uptime - asked)) -lt 60 ]; then echo reserved=yes; tell $state/owner; fi
fi
rm -f $run/asked $state/rebooting
printf '%s\\n' "$owner" "since=$uptime" >$run/owner.new
mv $run/owner.new $run/owner
if [ $others = yes ]; then rm -f $state/owner; fi
turn=0
[ ! -r $run/turn ] || read -r turn <$run/turn
echo $((turn + 1)) >$run/turn
echo "held $turn"
code=0
while [ $code -eq 0 ]; do
  timeout ${patience} sh -c 'read -r beat || exit 1; [ "$beat" != bye ] || exit 3' 9>&-
  code=$?
done
[ $code -ne 3 ] || rm -f $state/owner
echo $((turn + 2)) >$run/turn
rm -f $run/owner`;

/** Held as long as its session lives. */
export interface Lock {
  /** That of the device before it was taken (DeviceState.turn). */
  turn: string;
  /** Gives it back; the device forgets its owner. */
  release(): Promise<void>;
}

/**
 * Takes the one lock of a device, waiting at most `waitMs` for who has it. Throws E_DEVICE_LOCKED with the owner and how
 * long it has had it.
 */
export async function takeLock(
  session: Session,
  owner: Owner,
  options: { waitMs: number; signal: AbortSignal; onWait?: (text: string) => void },
): Promise<Lock> {
  const deadline = performance.now() + options.waitMs;
  let take = false;
  for (;;) {
    const tried = await hold(session, owner, take);
    if ('release' in tried) return tried;
    if (!take && tried.get('reserved') === 'yes' && isGone(tried)) {
      take = true;
      continue;
    }
    const message = describe(session.device, tried);
    if (performance.now() >= deadline) {
      throw new LockstepError('E_DEVICE_LOCKED', message, {
        hint: 'wait for it with `--wait-lock 10m`; the lock goes with its owner',
      });
    }
    options.onWait?.(message);
    await sleep(Math.min(2_000, Math.max(100, deadline - performance.now())), undefined, {
      signal: options.signal,
    }).catch(() => {});
  }
}

async function hold(session: Session, owner: Owner, take: boolean): Promise<Lock | Map<string, string>> {
  const beats = new PassThrough();
  let told = (_turn: string) => {};
  const held = new Promise<string>((resolve) => {
    told = resolve;
  });
  const onLine = (line: string) => {
    if (line.startsWith('held ')) told(line.slice('held '.length));
  };
  const argv = ['sh', '-c', holdScript, 'sh', owner.lines, owner.token, take ? 'yes' : ''];
  // As long as setTimeout allows: the session ends it.
  const ended = session.exec(argv, { input: beats, onLine, check: false, timeoutMs: 2 ** 31 - 1 });
  const first = await Promise.race([held, ended]);
  if (typeof first !== 'string') {
    if (first.exitCode === 75) return valuesOf(first.stdout);
    const said = (first.stderr || first.stdout).trim().split('\n').at(-1);
    throw new LockstepError('E_DEVICE_COMMAND', `device ${session.device}: cannot take its lock: ${said}`);
  }
  const timer = setInterval(() => beats.write('beat\n'), beatMs);
  timer.unref();
  ended.catch(() => {}).finally(() => clearInterval(timer));
  return {
    turn: first,
    async release() {
      clearInterval(timer);
      beats.end('bye\n');
      await ended.catch(() => {});
    },
  };
}

function valuesOf(text: string): Map<string, string> {
  return new Map(
    text.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** An agent of this machine that died while the device rebooted is nobody to wait for. */
function isGone(owner: Map<string, string>): boolean {
  if (owner.get('host') !== hostname()) return false;
  try {
    process.kill(Number(owner.get('pid')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function describe(device: string, owner: Map<string, string>): string {
  const who = `${owner.get('who') ?? 'somebody'} (pid ${owner.get('pid') ?? '?'})`;
  const age = Number(owner.get('now')) - Number(owner.get('since'));
  const since = Number.isFinite(age) ? ` for ${formatElapsed(age * 1000)}` : ', across a reboot';
  return `device ${device} is locked by ${who}${since}`;
}
