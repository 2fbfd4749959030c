import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootScript } from '../../src/image/trial/boot-script.ts';
import type { Bench } from './bench.ts';
import type { Fault } from './fault.ts';
import { allBoots, deployed, ofImage, oneBoot } from './met.ts';

/** sshd reads its keys for each connection: they must not change before the device goes down. */
const otherKeyAtNextBoot = `mkdir -p /var/lockstep-faults /etc/systemd/system/ssh.service.d
cp -p /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub /var/
ssh-keygen -q -t ed25519 -N '' -f /var/lockstep-faults/ssh_host_ed25519_key
cp /proc/sys/kernel/random/boot_id /var/lockstep-faults-boot
cat >/etc/systemd/system/ssh.service.d/lockstep-faults.conf <<'END'
[Service]
ExecStartPre=/bin/sh -c 'grep -qf /var/lockstep-faults-boot /proc/sys/kernel/random/boot_id || cp /var/lockstep-faults/* /etc/ssh/'
END
sync`;

/** A boot script that takes the second entry whenever there is one. */
function stuck(script: string): string {
  return script
    .replace('if test -n "${fall_back}"; then', 'setenv fallback 2\nsetenv fall_back 1\n$&')
    .replace(' lockstep.fallback"', '"');
}

/** Waits for a line on the console that was not there before. */
async function onConsole(bench: Bench, pattern: RegExp, work: () => Promise<void>): Promise<void> {
  const before = (await readFile(bench.console, 'latin1')).length;
  for (;;) {
    if (pattern.test((await readFile(bench.console, 'latin1')).slice(before))) break;
    await sleep(100);
  }
  await work();
}

/** What may happen when the device reboots into what was deployed, and what slows all of it down. */
export const bootFaults: Fault[] = [
  {
    name: 'never returns',
    what: 'no current from the moment that it reboots',
    verdicts: ['never-returned'],
    bound: 240,
    times: 1,
    next: 'retry',
    async play(bench, random) {
      const off = onConsole(bench, /Reached target .*(reboot|Reboot)|reboot: Restarting/, async () => {
        await bench.powerOff(random);
      });
      const seen = await deployed(bench, bench.images.next, { limits: { return: 90_000 } });
      await off;
      return seen;
    },
  },
  {
    name: 'host key changed',
    what: 'the device shows another key after its reboot',
    verdicts: ['never-returned'],
    bound: 240,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.run(otherKeyAtNextBoot);
      return deployed(bench, bench.images.next);
    },
    mend: (bench) => bench.putBackHostKey(),
  },
  {
    name: 'returns in the old commit',
    what: 'the boot loader takes the older deployment, and does not say so',
    verdicts: ['rolled-back'],
    bound: oneBoot,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.putBootScript(stuck(bootScript()));
      return deployed(bench, bench.images.next);
    },
    mend: (bench) => bench.putBootScript(bootScript()),
  },
  {
    name: 'kernel cannot be started',
    what: 'it is no kernel',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('unbootable'),
  },
  {
    name: 'panics',
    what: 'its init ends at each boot',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('panics'),
  },
  {
    name: 'stops in the initramfs',
    what: 'dracut gives up before it mounts the root',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('stops'),
  },
  {
    name: 'hangs in the initramfs',
    what: 'a hook never ends',
    verdicts: ['rolled-back'],
    bound: 2 * allBoots,
    times: 1,
    next: 'after',
    play: ofImage('hangs'),
  },
  {
    name: 'fails health',
    what: 'a required health script says no',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('sick'),
  },
  {
    name: 'unit fails',
    what: 'one that did not fail before',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('failing'),
  },
  {
    name: 'reboots in a loop',
    what: 'a unit reboots the device before it has settled',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: ofImage('loops'),
  },
  {
    name: 'clock years wrong',
    what: 'the device believes that it is 2001, before its key was made',
    verdicts: ['deployed'],
    bound: oneBoot,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.run('date -s "2001-02-03 04:05:06"');
      return deployed(bench, bench.images.next);
    },
  },
  {
    name: 'sshd slow',
    what: 'a second for each round trip',
    verdicts: ['deployed'],
    bound: oneBoot + 100,
    times: 1,
    next: 'after',
    async play(bench) {
      bench.link.quality = { latencyMs: 500 };
      return deployed(bench, bench.images.next);
    },
  },
  {
    name: 'kernel hangs',
    what: 'for ever, with interrupts off: the device has no watchdog, its power switch is cycled by the agent',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    play: (bench, random) =>
      deployed(bench, bench.images.wedged, { limits: { return: 150_000 }, power: bench.power(random) }),
  },
];
