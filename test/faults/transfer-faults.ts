import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { workspaceOf } from '../../src/config/workspace.ts';
import { ostree } from '../e2e/projects.ts';
import type { Fault } from './fault.ts';
import { deployed, ofImage, oneBoot, seenOf } from './met.ts';

const fill = `i=0
for size in 1G 256M 64M 16M 4M 1M 256K 64K 4K; do
  while fallocate -l $size /var/lockstep-faults-$i 2>/dev/null; do i=$((i+1)); done
done
sync`;

const smallBoot = `mkdir -p /run/small
mount -t tmpfs -o size=$(($(du -sk /boot | cut -f1) + 6000))k none /run/small
cp -a /boot/. /run/small/
mount --bind /run/small /boot`;

/** Changes a byte of a file of a commit in the build repository. */
async function corrupt(dir: string, commit: string, file: string): Promise<void> {
  const checksum = (await ostree(dir, 'ls', '--checksum', commit, file)).split(/\s+/)[4] ?? '';
  const at = path.join(workspaceOf(dir).repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`);
  const bytes = await readFile(at);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 0x01;
  await writeFile(at, bytes);
}

/** What may happen from the first byte on, most of it before the device reboots. */
export const transferFaults: Fault[] = [
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
      await corrupt(bench.dir, bench.images.corrupt, '/usr/share/lockstep-faults/corrupt');
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
];
