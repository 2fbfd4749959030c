import { appendFile, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { CommitSource } from '../../src/ostree/commit-source.ts';
import { refusal } from '../refusal.ts';
import { PushSite } from './push-site.ts';

describe('a push that finds damage', function () {
  this.timeout(120_000);
  let site: PushSite;

  before(async () => {
    site = await PushSite.open();
  });
  after(() => site.close());

  const largeFiles = async (dir: string) =>
    (await execa('find', [dir, '-size', '+200k', '-type', 'f'])).stdout.split('\n');

  it('finds an object that the disk of the device damaged, when it is told to look', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    const [object = ''] = await largeFiles(`${device.ostree}/repo/objects`);
    await appendFile(object, 'damaged');
    await site.push(device, site.commits.old, { verify: true });
    await device.repo('fsck', '--quiet');
  });

  it('makes a kept object anew that the disk of the agent damaged', async () => {
    const options = { delta: 'never', pack: 'never' } as const;
    await site.push(await site.newDevice(), site.commits.old, options);
    const [file = ''] = await largeFiles(site.archived('objects'));
    const { size } = await stat(file);
    await truncate(file, size - 1000);
    const device = await site.newDevice();
    await site.push(device, site.commits.old, options);
    await site.expectWhole(device, site.commits.old);
  });

  it('does without a delta that the disk of the agent damaged, and makes it anew the next time', async () => {
    const device = await site.newDevice();
    await site.push(device, site.commits.old);
    await site.push(device, site.commits.new);
    const [name = ''] = await readdir(site.archived('deltas'));
    await writeFile(site.archived(`deltas/${name}/0`), 'damaged');
    const other = await site.newDevice();
    await site.push(other, site.commits.old);
    await site.push(other, site.commits.new);
    await site.expectWhole(other, site.commits.new);
    expect(await readdir(site.archived('deltas'))).not.to.include(name);
  });

  it('makes the layout of a pack anew that the disk of the agent damaged', async () => {
    const push = async () => {
      const device = await site.newDevice();
      const { files } = await site.push(device, site.commits.old, { pack: 'always', source: site.newSource() });
      await site.expectWhole(device, site.commits.old);
      expect(files).to.be.lessThan(20);
    };
    await push();
    const [name = ''] = await readdir(site.archived('packs'));
    const { size } = await stat(site.archived(`packs/${name}`));
    await truncate(site.archived(`packs/${name}`), size - 100);
    await push();
    expect((await stat(site.archived(`packs/${name}`))).size).to.equal(size);
  });

  it('sends objects when a part of a pack came otherwise than it was', async () => {
    const device = await site.newDevice();
    const { files } = await site.push(device, site.commits.large, { pack: 'always', source: tampering(site.source) });
    expect(files).to.be.greaterThan(30);
    await site.expectWhole(device, site.commits.large);
  });

  for (const pack of ['never', 'always'] as const) {
    it(`says which object of the build repository is damaged instead of sending it, packs ${pack}`, async () => {
      const tree = path.join(site.dir, `damaged-${pack}`);
      await mkdir(tree);
      await writeFile(path.join(tree, 'file'), `sound ${pack}`);
      const revision = await site.commit('damaged', tree);
      const checksum = await site.objectOf(revision, '/file');
      const push = async () => {
        const device = await site.newDevice();
        await site.push(device, revision, { pack, source: site.newSource() });
        await site.expectWhole(device, revision);
      };
      await push();
      await rm(site.archived('objects'), { recursive: true, force: true });
      // Of another length, which the agent sees, and of the same, which the device sees.
      for (const damage of ['dam', `SOUND ${pack}`]) {
        await writeFile(site.objectFile(checksum), damage);
        const error = await refusal(push(), 'E_REPO');
        expect(error.message).to.include(checksum);
      }
      await writeFile(site.objectFile(checksum), `sound ${pack}`);
      await push();
    });
  }
});

/** The same, but for a byte in the middle of each part of a pack. */
function tampering(source: CommitSource): CommitSource {
  const find: CommitSource['find'] = async (url, offer) => {
    const found = await source.find(url, offer);
    if (found === null || !('stream' in found)) return found;
    const { size, stream } = found;
    return {
      size,
      async *stream() {
        for await (const bytes of stream()) {
          if (bytes.length > 1000) bytes[500] = 255 - (bytes[500] ?? 0);
          yield bytes;
        }
      },
    };
  };
  const rest = { deltas: source.deltas, packs: source.packs, drop: source.drop.bind(source) };
  return { ...rest, find, dropDamaged: source.dropDamaged.bind(source) } as unknown as CommitSource;
}
