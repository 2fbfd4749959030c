import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Fault } from './fault.ts';
import { allBoots, seenOf } from './met.ts';

/** Until the next boot the kernel's arguments are what they would be there; ostree takes those of its entry for the new one. */
const withoutCounter = `sed 's/lockstep.counter=[^ ]*//' /proc/cmdline >/run/cmdline
mount --bind /run/cmdline /proc/cmdline
sed -i 's/lockstep.counter=[^ ]*//' /boot/loader/entries/*.conf
sync`;

/** What a trial must come to, whatever its boots do, and what is told of it. */
export const trialFaults: Fault[] = [
  {
    name: 'four calamities',
    what: 'in one trial: a panic, a systemd that no longer answers, a boot that hangs, and failing health',
    verdicts: ['rolled-back'],
    bound: 2 * allBoots,
    times: 1,
    next: 'after',
    async play(bench) {
      const before = (await readFile(bench.console, 'latin1')).length;
      const device = await bench.deploy(bench.images.calamitous, { limits: { boots: 4, boot: 240_000 } });
      expect(device.reason).to.match(/boot 3: not confirmed in \d+ s: .*calamities.service/);
      expect(device.reason).to.include(
        'boot 4: sick.service failed; health script 10-light failed with exit code 4: the light is red',
      );
      expect(device.reason).to.include('health script 20-slow did not end in 2 s');
      const console_ = (await readFile(bench.console, 'latin1')).slice(before);
      expect(console_).to.include('Kernel panic').and.to.include('lockstep: boot 4 of 4 on trial');
      expect(console_).to.include('the deployment on trial was not confirmed');
      expect(device.evidence.trial).to.include('wanted 30-heater failed 1').and.to.include('result=given-up');
      // The bad deployment must not be what the next boot takes, and nothing stays pinned.
      expect(device.evidence.status).not.to.include(bench.images.calamitous);
      expect(device.evidence.status).not.to.include('Pinned');
      return seenOf(device);
    },
  },
  {
    name: 'root not found',
    what: 'kernel arguments of the image lead its initramfs nowhere',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    async play(bench) {
      const device = await bench.deploy(bench.images.rootless, { limits: { boots: 1 } });
      expect(device.reason).to.include('no boot of').and.to.include('came far enough');
      expect(device.evidence.status).not.to.include(bench.images.rootless);
      expect(await bench.run('cat /proc/cmdline')).not.to.include('nowhere');
      return seenOf(device);
    },
  },
  {
    name: 'no boot counter',
    what: 'the boot loader does not count, and health fails: the agent takes the device back',
    verdicts: ['rolled-back'],
    bound: allBoots,
    times: 1,
    next: 'after',
    async play(bench) {
      await bench.run(withoutCounter);
      const device = await bench.deploy(bench.images.sick);
      expect(device.reason).to.include('10-fault failed').and.to.include('lockstep took it back');
      expect(device.steps.at(-1)).to.include({ name: 'take back', ok: true });
      expect(device.evidence.status).not.to.include(bench.images.sick);
      return seenOf(device);
    },
  },
];
