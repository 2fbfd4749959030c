import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { PullOptions } from '../../src/device/push/push.ts';
import { Throttle } from '../../src/ostree/throttle.ts';
import { refusal } from '../refusal.ts';
import { PushSite } from './push-site.ts';

const MiB = 1024 * 1024;

describe('a pack', function () {
  this.timeout(120_000);
  let site: PushSite;

  before(async () => {
    site = await PushSite.open();
  });
  after(() => site.close());

  it('brings a commit whole in a few pieces, and nothing is compressed or kept for it', async () => {
    const device = await site.newDevice();
    const { deltaFrom, files } = await site.push(device, site.commits.old, { pack: 'always' });
    expect(deltaFrom).to.equal(null);
    expect(files).to.be.lessThan(20);
    await site.expectWhole(device, site.commits.old);
    expect(await site.kept()).to.deep.equal([]);
  });

  it('brings files that only root may read, long ones, links, empty ones, extended attributes', async () => {
    const tree = path.join(site.dir, 'odd');
    await mkdir(path.join(tree, 'usr/deep/er'), { recursive: true });
    const file = (name: string) => path.join(tree, 'usr', name);
    await writeFile(file('secret'), 'a secret', { mode: 0o600 });
    await writeFile(file('large-secret'), randomBytes(2 * MiB), { mode: 0o600 });
    await writeFile(file('several-parts-long'), randomBytes(5 * MiB));
    // Above what a part may hold.
    await writeFile(file('too-large'), Buffer.alloc(33 * MiB, 'too large '));
    await writeFile(file('empty'), '');
    await writeFile(file('deep/er/näme'), 'x');
    await execa('ln', ['-s', 'ünder/../näme', file('link')]);
    await execa('chown', ['--no-dereference', '7:8', file('link')]);
    await execa('setcap', ['cap_net_admin+ep', file('secret')]);
    const revision = await site.commit('odd', tree);
    const device = await site.newDevice();
    const { files } = await site.push(device, revision, { pack: 'always' });
    expect(files).to.be.lessThan(20);
    await site.expectWhole(device, revision);
    expect((await site.kept()).map((name) => path.basename(name))).to.deep.equal([
      `${(await site.objectOf(revision, '/usr/too-large')).slice(2)}.filez`,
    ]);
  });

  it('is the same for a user who cannot read all objects', async () => {
    // The reader that is root is at work before this process is not.
    await rm(site.archived('packs'), { recursive: true });
    const source = site.newSource();
    const revision = await site.commit('odd-again', path.join(site.dir, 'odd'));
    await execa('chmod', ['755', site.dir]);
    const pack = await source.packs.find(revision);
    const digest = async () => {
      const parts: string[] = [];
      for (let each = 0; ; each++) {
        const found = pack.find(`${each}`);
        if (found === null || !('stream' in found)) return parts;
        const hash = createHash('sha256');
        for await (const bytes of found.stream()) hash.update(bytes);
        parts.push(hash.digest('hex'));
      }
    };
    const asRoot = await digest();
    const secret = await site.objectOf(revision, '/usr/secret');
    process.seteuid?.(65534);
    try {
      expect(() => readFileSync(site.objectFile(secret))).to.throw('EACCES');
      expect(await digest()).to.deep.equal(asRoot);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('is refused without the signature that the device demands', async () => {
    const device = await site.newDevice();
    await refusal(site.push(device, site.commits.unsigned, { pack: 'always' }), 'E_SIGN_REFUSED');
    expect(await device.repo('refs')).to.equal('');
  });

  it('is for devices that have nothing, over a fast link, without a limit of the rate', async () => {
    const fresh = async (options: Partial<PullOptions> = {}) =>
      (await site.push(await site.newDevice(), site.commits.old, options)).files;
    const throttle = new Throttle(50_000_000);
    expect(await fresh({ throttle: (bytes) => throttle.take(bytes) }), 'with a limit').to.be.greaterThan(100);
    expect(await fresh({ delta: 'never' }), 'without deltas').to.be.greaterThan(100);
    const device = await site.newDevice();
    await site.push(device, site.commits.old, { pack: 'always' });
    const pushed = await site.push(device, site.commits.large, { pack: 'always' });
    expect(pushed.deltaFrom, 'with an older commit there').to.equal(site.commits.old);
  });
});
