import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeviceDeployment } from '../../src/device/deploy.ts';
import { bootScript } from '../../src/image/trial/boot-script.ts';
import type { Bench } from './bench.ts';
import type { Fault, Seen } from './fault.ts';
import type { Images } from './images.ts';

/** Seconds for three boots on trial, a fourth into the older deployment, and what comes before. */
const allBoots = 900;
const oneBoot = 400;

/** A deployment of one of the commits, with nothing else in its way. */
const ofImage = (image: keyof Images) => (bench: Bench) => deployed(bench, bench.images[image]);

async function deployed(
  bench: Bench,
  wanted: string,
  options: Parameters<Bench['deploy']>[1] & { drawn?: string } = {},
): Promise<Seen> {
  return seenOf(await bench.deploy(wanted, options), options.drawn);
}

function seenOf({ verdict, reason, wanted, ms }: DeviceDeployment, drawn?: string): Seen {
  return { verdict, reason, wanted, ms, drawn };
}

const fill = `i=0
for size in 1G 256M 64M 16M 4M 1M 256K 64K 4K; do
  while fallocate -l $size /var/lockstep-faults-$i 2>/dev/null; do i=$((i+1)); done
done
sync`;

const smallBoot = `mkdir -p /run/small
mount -t tmpfs -o size=$(($(du -sk /boot | cut -f1) + 6000))k none /run/small
cp -a /boot/. /run/small/
mount --bind /run/small /boot`;

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

export const faults: Fault[] = [
  {
    name: 'link cut',
    what: 'at a random byte of a push; each fourth falls silent, the others are reset',
    verdicts: ['unreachable'],
    bound: 90,
    times: 20,
    next: 'retry',
    async play(bench, random, { pushBytes }) {
      const at = Math.floor(4_000 + random() * (pushBytes - 4_000));
      const how = random() < 0.25 ? 'silent' : 'reset';
      void bench.link.breakAfter(at, how);
      return deployed(bench, bench.images.next, { drawn: `byte ${at} of ${pushBytes}, ${how}` });
    },
  },
  {
    name: 'power cut',
    what: 'of the device at a random moment between first byte and proven; writes that were not flushed are lost by chance',
    verdicts: ['unreachable', 'refused', 'deployed'],
    bound: oneBoot + 200,
    times: 20,
    next: 'retry',
    async play(bench, random, { ms }) {
      const at = Math.floor(random() * ms);
      const from = bench.link.sent;
      const deploying = bench.deploy(bench.images.next, {});
      while (bench.link.sent === from) await sleep(10);
      await sleep(at);
      const lost = await bench.powerOff(random);
      await sleep(2_000);
      await bench.powerOn();
      return seenOf(await deploying, `after ${(at / 1000).toFixed(1)} s, ${lost}`);
    },
  },
  {
    name: 'agent killed',
    what: 'at a random moment between first byte and proven',
    verdicts: ['none'],
    bound: oneBoot,
    times: 20,
    next: 'retry',
    async play(bench, random, { ms }) {
      const at = Math.floor(random() * ms);
      const start = performance.now();
      const from = bench.link.sent;
      const agent = bench.agent(bench.images.next);
      while (bench.link.sent === from && agent.exitCode === null) await sleep(10);
      await sleep(at);
      const alive = agent.exitCode === null;
      agent.kill('SIGKILL');
      if (alive) await once(agent, 'exit');
      const drawn = `after ${(at / 1000).toFixed(1)} s${alive ? '' : ', when it had ended'}`;
      const took = Math.round(performance.now() - start);
      return { verdict: 'none', reason: null, wanted: bench.images.next, ms: took, drawn };
    },
  },
  {
    name: '/sysroot full',
    what: 'not a block is left on the device',
    verdicts: ['refused'],
    bound: 90,
    times: 1,
    next: 'retry',
    async play(bench) {
      await bench.run(fill);
      return deployed(bench, bench.images.next);
    },
    async mend(bench) {
      await bench.run('rm -f /var/lockstep-faults-*');
    },
  },
  {
    name: '/boot full',
    what: 'a file system of its own, without room for another kernel',
    verdicts: ['refused'],
    bound: 120,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.run(smallBoot);
      return deployed(bench, bench.images.kernel);
    },
    async mend(bench) {
      await bench.run('umount /boot');
    },
  },
  {
    name: 'wrong host key',
    what: 'another machine, by its key, answers',
    verdicts: ['refused'],
    bound: 20,
    times: 1,
    next: 'after',
    play: (bench) => deployed(bench, bench.images.next, { name: 'other' }),
  },
  {
    name: 'unsigned commit',
    what: 'for an image that demands a signature',
    verdicts: ['refused'],
    bound: 60,
    times: 1,
    next: 'after',
    play: ofImage('unsigned'),
  },
  {
    name: 'wrong signer',
    what: 'a good signature of a key that the device does not know',
    verdicts: ['refused'],
    bound: 60,
    times: 1,
    next: 'after',
    play: ofImage('strange'),
  },
  {
    name: 'corrupted in transit',
    what: 'a bit of the push changes on the link: SSH notices, before ostree could',
    verdicts: ['unreachable'],
    bound: 90,
    times: 3,
    next: 'retry',
    async play(bench, random, { pushBytes }) {
      const at = Math.floor(pushBytes * (0.1 + 0.8 * random()));
      bench.link.garbleAfter(at);
      return deployed(bench, bench.images.next, { drawn: `byte ${at} of ${pushBytes}` });
    },
  },
  {
    name: 'corrupted object',
    what: 'a file of the commit is not what its checksum says where it is served from',
    verdicts: ['refused'],
    bound: 90,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.corrupt(bench.images.corrupt, '/usr/share/lockstep-faults/corrupt');
      return deployed(bench, bench.images.corrupt);
    },
  },
  {
    name: 'two agents',
    what: 'deploy to one device at once: one does it, the other is told',
    verdicts: ['refused'],
    bound: 60,
    times: 1,
    next: 'after',
    async play(bench) {
      const from = bench.link.sent;
      const first = bench.deploy(bench.images.next);
      while (bench.link.sent - from < 10_000) await sleep(10);
      const second = seenOf(await bench.deploy(bench.images.kernel));
      const { verdict, reason } = await first;
      if (verdict !== 'deployed') throw new Error(`the first agent was disturbed: ${verdict}: ${reason}`);
      // What the first one wanted is what runs then.
      return { ...second, wanted: bench.images.next };
    },
  },
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
