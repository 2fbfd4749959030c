import { expect } from 'chai';
import { type Pinned, pinnedOf } from '../../../src/apt/changes/pinned.ts';
import { sizesOf } from '../../../src/apt/changes/sizes.ts';
import { sourceChanges } from '../../../src/apt/changes/source-changes.ts';
import { locked } from '../samples.ts';

const pinned = (name: string, version: string, extra: Record<string, string> = {}): Pinned =>
  pinnedOf(locked(name, version, extra));

/** As a device knows it. */
const installed = (pin: Pinned): Pinned => ({ ...pin, sha256: null, size: null });

describe('changes by source package', () => {
  function shown(before: Pinned[], after: Pinned[]) {
    return sourceChanges(before, after).map(({ source, from, to, kind, members }) => {
      return [source, from, to, kind, members.map((member) => `${member.package} ${member.kind}`).join(', ')];
    });
  }

  it('are one for all binary packages of a source', () => {
    const of = (version: string) => ['libssl3', 'openssl'].map((name) => pinned(name, version, { Source: 'openssl' }));
    expect(shown(of('3.0.16-1'), of('3.0.17-1'))).to.deep.equal([
      ['openssl', '3.0.16-1', '3.0.17-1', 'upgraded', 'libssl3 upgraded, openssl upgraded'],
    ]);
  });

  it('take a library or kernel whose name has a number in it for an upgrade of its source', () => {
    const of = (abi: string, version: string) => [pinned(`linux-image-${abi}`, version, { Source: 'linux' })];
    expect(shown(of('6.1.0-40', '6.1.153-1'), of('6.1.0-41', '6.1.158-1'))).to.deep.equal([
      ['linux', '6.1.153-1', '6.1.158-1', 'upgraded', 'linux-image-6.1.0-40 removed, linux-image-6.1.0-41 added'],
    ]);
  });

  it('count by the version of the source, which may be another than the package’s', () => {
    const of = (version: string, source: string) => [pinned('libgcc-s1', version, { Source: `gcc-12 (${source})` })];
    expect(shown(of('1:12.2.0-14', '12.2.0-14'), of('1:12.2.0-15+b1', '12.2.0-15'))).to.deep.equal([
      ['gcc-12', '12.2.0-14', '12.2.0-15+b1', 'upgraded', 'libgcc-s1 upgraded'],
    ]);
  });

  it('tell downgrades, what is new, gone, and rebuilt under the same version', () => {
    const before = [pinned('down', '2'), pinned('gone', '1'), pinned('same', '1')];
    const after = [pinned('down', '1'), pinned('fresh', '1'), pinned('same', '1', { SHA256: 'f'.repeat(64) })];
    expect(shown(before, after)).to.deep.equal([
      ['down', '2', '1', 'downgraded', 'down downgraded'],
      ['fresh', null, '1', 'added', 'fresh added'],
      ['gone', '1', null, 'removed', 'gone removed'],
      ['same', '1', '1', 'rebuilt', 'same rebuilt'],
    ]);
  });

  it('are none for a device with the same versions, whose debs nobody knows', () => {
    const after = [pinned('dash', '1'), pinned('zsh', '2')];
    expect(shown(after.map(installed), after)).to.deep.equal([]);
    expect(shown([installed(pinned('dash', '0.9')), installed(after[1]!)], after)).to.have.lengthOf(1);
  });
});

describe('sizes', () => {
  const before = [
    pinned('dash', '1', { Size: '100', 'Installed-Size': '3' }),
    pinned('zsh', '1', { Size: '50', 'Installed-Size': '7' }),
  ];
  const after = [pinned('dash', '2', { Size: '120', 'Installed-Size': '4' }), before[1]!];

  it('are those of all debs, of all packages installed, and of the debs that are new', () => {
    expect(sizesOf(before, after)).to.deep.equal({
      download: { from: 150, to: 170 },
      installed: { from: 10 * 1024, to: 11 * 1024 },
      new: 120,
    });
  });

  it('are unknown where a device has no debs', () => {
    expect(sizesOf(before.map(installed), after)).to.deep.include({ download: { from: null, to: 170 }, new: null });
  });
});
