import { LockstepError } from '../errors/index.ts';
import type { Session } from './session.ts';
import { type Deployment, parseStatus } from './status.ts';

/** What a device says of itself at one moment. */
export interface DeviceState {
  /** Another one after every boot. */
  bootId: string;
  /** Arguments of the running kernel. */
  cmdline: string[];
  deployments: Deployment[];
  booted: Deployment;
  /** `<commit>.<serial>` of the directory that the kernel's `ostree=` leads to; null when it leads nowhere. */
  bootedDirectory: string | null;
  /** As `systemctl is-system-running` says: running, degraded, starting, … */
  systemState: string;
  failedUnits: string[];
  /** The boot counter is armed: the deployment was never proven, and too many boots of it end in the older one. */
  onTrial: boolean;
  /** uname -m */
  machine: string;
}

// One round trip for all: each costs tenths of a second on a slow board.
const questions = `
say() { printf '\\n@@ %s\\n' "$1"; }
say bootId; cat /proc/sys/kernel/random/boot_id
say cmdline; cat /proc/cmdline
say machine; uname -m
say status; command -v ostree >/dev/null && ostree admin status 2>/dev/null
say directory
for word in $(cat /proc/cmdline); do
  case $word in ostree=*) readlink -f "/sysroot\${word#ostree=}" ;; esac
done
say trial
for word in $(cat /proc/cmdline); do
  case $word in lockstep.counter=*) head -c 512 "\${word#lockstep.counter=}" | tail -c +5 | tr '\\0' '\\n' ;; esac
done
say systemState; systemctl is-system-running
say failedUnits; systemctl list-units --failed --plain --no-legend --no-pager | cut -d' ' -f1
exit 0`;

/** Asks a device what it runs. Throws E_DEVICE_PREPARE when it was not booted from an ostree deployment. */
export async function observe(session: Session): Promise<DeviceState> {
  const { stdout } = await session.exec(['sh', '-c', questions], { timeoutMs: 60_000 });
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
  return {
    bootId: answer('bootId'),
    cmdline: words(answer('cmdline')),
    deployments,
    booted,
    bootedDirectory: directory?.[1] ?? null,
    systemState: answer('systemState'),
    failedUnits: words(answer('failedUnits')),
    onTrial: words(answer('trial')).includes('upgrade_available=1'),
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
