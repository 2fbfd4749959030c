import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { Throttle } from '../../src/ostree/throttle.ts';
import { makeKey } from '../image/gpg-keys.ts';
import { refusal } from '../refusal.ts';
import { PushSite, total } from './push-site.ts';

describe('a push', function () {
  this.timeout(120_000);
  let site: PushSite;

  before(async () => {
    site = await PushSite.open();
  });
  after(() => site.close());

  it('brings the commit that was built, with owners, modes, capabilities and signature', async () => {
    const device = await site.newDevice();
    const { deltaFrom, files } = await site.push(device, site.commits.old, { pack: 'never' });
    expect(deltaFrom).to.equal(null);
    expect(files).to.be.greaterThan(100);
    await site.expectWhole(device, site.commits.old);
    expect((await site.kept()).filter((file) => !file.endsWith('.filez'))).to.deep.equal([]);
  });

  it('keeps the objects that ostree itself would have made for an archive', async () => {
    const peer = path.join(site.dir, 'peer');
    await execa('ostree', ['init', `--repo=${peer}`, '--mode=archive']);
    await execa('ostree', ['pull-local', `--repo=${peer}`, site.repo, site.commits.old]);
    const names = (await execa('find', [`${peer}/objects`, '-name', '*.filez', '-printf', '%P\\n'])).stdout.split('\n');
    expect((await site.kept()).map((file) => path.relative(site.archived('objects'), file)).sort()).to.deep.equal(
      names.sort(),
    );
    for (const name of names) {
      const [mine, theirs] = await Promise.all(
        [site.archived('objects'), `${peer}/objects`].map((at) => readFile(`${at}/${name}`)),
      );
      const header = (bytes: Buffer) => bytes.subarray(0, 8 + bytes.readUInt32BE(0)).toString('hex');
      expect(header(mine!), name).to.equal(header(theirs!));
    }
  });

  it('costs less than 20 kB when there is nothing to bring', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    const again = await site.push(device, site.commits.old);
    expect(total(again)).to.be.within(1_000, 20_000);
  });

  it('is judged again once the device trusts another key', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    await device.repo('remote', 'delete', 'lockstep');
    const other = await makeKey();
    await device.repo(
      'remote',
      'add',
      '--set=gpg-verify=true',
      `--gpg-import=${other.publicFile}`,
      'lockstep',
      'http://127.0.0.1/',
    );
    await refusal(site.push(device, site.commits.old), 'E_SIGN_REFUSED');
  });

  it('sends what changed in a file as a static delta, and reports the bytes of the connection', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    const pushed = await site.push(device, site.commits.new);
    expect(pushed.deltaFrom).to.equal(site.commits.old);
    // The library alone has 300 kB of bytes that nothing compresses.
    expect(pushed.bytes).to.be.lessThan(100_000);
    // Login, questions and answers, HTTP.
    expect(total(pushed) - pushed.bytes).to.be.within(1_000, 15_000);
    await device.repo('fsck', '--quiet');
    expect(await device.repo('show', '--gpg-verify-remote=lockstep', site.commits.new)).to.include('Good signature');
  });

  it('makes a delta once for all devices', async () => {
    const before = await readdir(site.archived('deltas'));
    const devices = await Promise.all([site.newDevice(), site.newDevice()]);
    for (const device of devices) await site.push(device, site.commits.old);
    await Promise.all(devices.map((device) => site.push(device, site.commits.new)));
    expect(await readdir(site.archived('deltas'))).to.deep.equal(before);
  });

  it('sends objects when it is told to', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    const pushed = await site.push(device, site.commits.new, { delta: 'never' });
    expect(pushed.deltaFrom).to.equal(null);
    expect(total(pushed)).to.be.greaterThan(300_000);
  });

  it('is refused without the signature that the device demands, as objects and as a delta', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    for (const delta of ['never', 'always'] as const) {
      const error = await refusal(site.push(device, site.commits.unsigned, { delta }), 'E_SIGN_REFUSED');
      expect(error.message).to.include(site.commits.unsigned.slice(0, 12));
    }
    expect(await device.repo('refs')).to.equal('lockstep/pushed');
    expect(await device.repo('rev-parse', 'lockstep/pushed')).to.equal(site.commits.old);
  });

  it('is refused, too, when the unsigned commit is there already', async () => {
    const device = await site.newDevice();
    await device.repo('pull-local', site.repo, site.commits.unsigned);
    await refusal(site.push(device, site.commits.unsigned), 'E_SIGN_REFUSED');
  });

  it('keeps to a rate that several devices share', async () => {
    const devices = await Promise.all([site.newDevice(), site.newDevice()]);
    const throttle = new Throttle(10_000_000);
    const started = performance.now();
    await Promise.all(
      devices.map((device) => site.push(device, site.commits.large, { throttle: (bytes) => throttle.take(bytes) })),
    );
    // Two times 10 MB.
    expect(performance.now() - started).to.be.within(1_900, 20_000);
  });

  it('gives up on a device that takes no byte any more, not on a slow one', async () => {
    const device = await site.newDevice();
    const stuck = new Promise<void>(() => {});
    const stall = { sending: 400, waiting: 60_000 };
    const error = await refusal(
      site.push(device, site.commits.old, { stall, throttle: () => stuck }),
      'E_PUSH_STALLED',
    );
    expect(error.message)
      .to.include('bench-1')
      .and.to.match(/has not taken a byte for \d+ s/);
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 50));
    await site.push(await site.newDevice(), site.commits.old, { stall, throttle: slow });
  });
});
