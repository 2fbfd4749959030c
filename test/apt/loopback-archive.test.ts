import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { lockedPackage } from '../../src/apt/lockfile/locked-package.ts';
import { LoopbackArchive } from './loopback-archive.ts';

describe('the archive of the tests', () => {
  let archive: LoopbackArchive;
  before(async () => {
    archive = await LoopbackArchive.open();
  });
  after(() => archive.close());

  it('serves debs under the names and digests that its indexes give', async () => {
    const modified = new Date('2026-01-02T03:04:05Z');
    const tool = { package: 'tool', version: '2:1.0-1', fields: { Depends: 'libtool' }, modified };
    await archive.publish('stable', { area: 'vendor', components: { main: [tool], contrib: ['Package: x\n'] } });
    const index = await archive.read('/vendor/dists/stable/main/binary-armhf/Packages');
    const { fields, filename, sha256 } = lockedPackage(parseStanzas(index.toString())[0]!);
    expect([fields.get('Depends'), filename]).to.deep.equal(['libtool', 'pool/main/t/tool/tool_1.0-1_all.deb']);
    const response = await fetch(`${archive.base('vendor')}/${filename}`);
    expect(response.headers.get('last-modified')).to.equal(modified.toUTCString());
    const deb = Buffer.from(await response.arrayBuffer());
    expect(createHash('sha256').update(deb).digest('hex')).to.equal(sha256);
    const inRelease = (await archive.read('/vendor/dists/stable/InRelease')).toString();
    expect(inRelease).to.contain('\nComponents: main contrib\n').and.to.contain(' contrib/binary-armhf/Packages\n');
  });
});
