import { expect } from 'chai';
import { PackageURL } from 'packageurl-js';
import { parseOsRelease } from '../../src/sbom/distribution.ts';
import { locked } from '../apt/samples.ts';
import { sampleBill, sampleProvenance } from './sample-bill.ts';

describe('package URLs', () => {
  const purls = (bill: ReturnType<typeof sampleBill>) =>
    Object.fromEntries(bill.packages.map(({ locked, purl }) => [locked.package, purl]));

  it('name package, version, architecture and distribution, and the source where it is another', () => {
    const of = purls(sampleBill());
    expect(of.dash).to.equal('pkg:deb/debian/dash@0.5.12-2?arch=armhf&distro=debian-12');
    expect(of.libc6).to.match(/^pkg:deb\/debian\/libc6@.*\?arch=armhf&distro=debian-12&upstream=glibc%402\.36-9$/);
    expect(of['libstdc++6']).to.match(/\?arch=armhf&distro=debian-12&upstream=gcc-12$/);
  });

  it('encode plus signs everywhere and colons and tildes nowhere, as the specification has it', () => {
    const of = purls(sampleBill());
    expect(of.diffutils).to.equal('pkg:deb/debian/diffutils@1:3.8-4?arch=armhf&distro=debian-12');
    expect(of.libc6).to.include('/libc6@2.36-9%2Bb1?');
    expect(of['libstdc++6']).to.include('/libstdc%2B%2B6@12.2.0-14?');
    const rebuilt = locked('gtk++', '1:2.0~rc1+b2', { Source: 'gtk++2.0 (1:2.0~rc1)' });
    const [billed] = sampleBill({ packages: [rebuilt] }).packages;
    expect(billed!.purl).to.equal(
      'pkg:deb/debian/gtk%2B%2B@1:2.0~rc1%2Bb2?arch=armhf&distro=debian-12&upstream=gtk%2B%2B2.0%401:2.0~rc1',
    );
    const { name, version, qualifiers } = PackageURL.fromString(billed!.purl);
    expect({ name, version, upstream: qualifiers?.upstream }).to.deep.equal({
      name: 'gtk++',
      version: '1:2.0~rc1+b2',
      upstream: 'gtk++2.0@1:2.0~rc1',
    });
  });

  it('do not take debs of other publishers for the distribution’s', () => {
    const of = purls(sampleBill({ provenance: sampleProvenance() }));
    expect(of['panel-app']).to.equal('pkg:deb/local/panel-app@1.0?arch=armhf');
    expect(of['vendor-tool']).to.equal('pkg:deb/acme-tools-inc/vendor-tool@2.0?arch=armhf');
    expect(of.dash).to.include('pkg:deb/debian/dash@').and.include('distro=debian-12');
  });

  it('have the distribution of os-release, or else the suite', () => {
    const debian = 'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n';
    expect(parseOsRelease(debian, 'x')).to.deep.equal({ id: 'debian', release: 'debian-12' });
    expect(parseOsRelease("ID='ubuntu'\nVERSION_ID='24.04'\n", 'x').release).to.equal('ubuntu-24.04');
    expect(parseOsRelease('ID=debian\nVERSION_CODENAME=forky\n', 'x').release).to.equal('debian-forky');
    expect(parseOsRelease('', 'bookworm-security').release).to.equal('debian-bookworm');
  });
});
