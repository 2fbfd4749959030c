import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { type Device, PushSite, total } from './push-site.ts';

/** What is lost of what was in flight: eight objects of a quarter of a megabyte; parts of one that were on their way or not yet unpacked. */
const lost = { never: 8 * 250_000, always: 4 * 1_150_000 };

describe('a push that was cut off', function () {
  this.timeout(120_000);
  let site: PushSite;

  before(async () => {
    site = await PushSite.open();
  });
  after(() => site.close());

  for (const pack of ['never', 'always'] as const) {
    describe(`with packs ${pack}`, () => {
      async function begunDevice(): Promise<Device> {
        const device = await site.newDevice();
        await site.cutAfter(6_000_000, device, site.commits.large, { pack });
        return device;
      }

      it('goes on where a cut link left it, in the way in which it began', async () => {
        const whole = total(await site.push(await site.newDevice(), site.commits.large, { pack }));
        const device = await begunDevice();
        const rest = await site.push(device, site.commits.large, { pack: pack === 'never' ? 'never' : 'auto' });
        expect(total(rest)).to.be.lessThan(whole - 6_000_000 + lost[pack]);
        await site.expectWhole(device, site.commits.large);
      });

      it('goes on as objects, and sends none that came', async () => {
        const whole = total(await site.push(await site.newDevice(), site.commits.large, { pack }));
        const device = await begunDevice();
        const rest = await site.push(device, site.commits.large, { pack: 'never' });
        expect(total(rest)).to.be.lessThan(whole - 6_000_000 + lost[pack]);
        await site.expectWhole(device, site.commits.large);
      });

      it('goes on after a reboot of the device, and finds and fetches again what the power cut tore', async () => {
        const device = await begunDevice();
        const tmp = `${device.ostree}/repo/tmp`;
        const [staging = ''] = (await readdir(tmp)).filter((name) => /^staging-.*[^k]$/.test(name));
        const { stdout } = await execa('find', [`${tmp}/${staging}`, '-size', '+200k']);
        const files = stdout.split('\n');
        expect(files).to.have.length.greaterThan(pack === 'never' ? 10 : 5);
        // As a reboot leaves it: another boot, all that was there before the last sync, one file torn all the same.
        await execa('sleep', ['0.1']);
        await writeFile(`${device.ostree}/lockstep/synced`, '');
        await truncate(files[0] ?? '', 1000);
        await execa('touch', ['-d', '1 minute', `${device.ostree}/lockstep/synced`]);
        await writeFile(`${device.ostree}/lockstep/boot`, 'another\n');
        const rest = await site.push(device, site.commits.large, { pack });
        expect(rest.traffic.sent).to.be.lessThan(4_500_000 + lost[pack]);
        await site.expectWhole(device, site.commits.large);
        expect(await readdir(`${device.ostree}/lockstep`)).not.to.include('doubt');
      });

      it('takes nothing for arrived that was not synced before the power went', async () => {
        const device = await begunDevice();
        await rm(`${device.ostree}/lockstep/synced`, { force: true });
        await writeFile(`${device.ostree}/lockstep/boot`, 'another\n');
        const rest = await site.push(device, site.commits.large, { pack });
        expect(rest.traffic.sent).to.be.greaterThan(9_000_000);
        await site.expectWhole(device, site.commits.large);
      });
    });
  }

  it('goes on as objects when it began so, also over a fast link', async () => {
    const device = await site.newDevice();
    await site.cutAfter(6_000_000, device, site.commits.large, { pack: 'never' });
    const rest = await site.push(device, site.commits.large);
    expect(total(rest)).to.be.lessThan(4_500_000 + lost.never);
    expect(await readdir(`${device.ostree}/lockstep`)).not.to.include('begun');
  });
});
