import type { LockedPackage } from '../../src/apt/lockfile/locked-package.ts';
import type { PackageOrigin, Provenance, RecordedRelease } from '../../src/apt/provenance/provenance.ts';
import { type Bill, type BillInputs, billOf } from '../../src/sbom/bill.ts';
import { billUuid } from '../../src/sbom/uuid.ts';
import { locked } from '../apt/samples.ts';

/** What a lockfile may hold: epochs, plus signs, binary rebuilds, other sources, provided names, local debs. */
export function samplePackages(): LockedPackage[] {
  return [
    locked('dash', '0.5.12-2', {
      'Pre-Depends': 'libc6 (>= 2.36), awk',
      Homepage: 'http://gondor.example.org/~h/dash/',
    }),
    locked('diffutils', '1:3.8-4', { Depends: 'libc6, missing | libstdc++6' }),
    locked('libc6', '2.36-9+b1', { Source: 'glibc (2.36-9)', 'Multi-Arch': 'same' }),
    locked('libstdc++6', '12.2.0-14', { Source: 'gcc-12', Depends: 'libc6' }),
    locked('mawk', '1.3.4-1', { Provides: 'awk', Maintainer: 'Debian "Awk" Team' }),
    locked('panel-app', '1.0', { Filename: './dist/panel-app_1.0_armhf.deb', Depends: 'dash', Homepage: 'not a URL' }),
    locked('vendor-tool', '2.0', {
      Depends: 'panel-app',
      Description: '',
      Maintainer: 'ACME <tools at acme>',
      Homepage: 'https://acme.example.org/{tools}|"2"',
    }),
  ];
}

export function sampleBill(changes: Partial<BillInputs> = {}): Bill {
  const inputs = {
    image: {
      name: 'panel',
      version: '1.4',
      ref: 'panel/armhf',
      commit: 'c'.repeat(64),
      lockDigest: 'd'.repeat(64),
      revision: 'e'.repeat(40),
    },
    distribution: { id: 'debian', release: 'debian-12' },
    packages: samplePackages(),
    provenance: null,
    time: 946684800,
    ...changes,
  };
  return billOf({ uuid: billUuid(inputs), ...inputs });
}

const vendor = 'https://vendor.example.org/debian';

function release(suite: string, repository: string | null, origin: string): RecordedRelease {
  const unsaid = { label: null, archive: null, codename: null, version: null };
  const checked = { date: 'Sat, 11 Jul 2026 10:16:37 UTC', sha256: 'a'.repeat(64), signers: ['F'.repeat(40)] };
  return { repository, suite, origin, ...unsaid, ...checked };
}

/** Where the packages of the sample come from. */
export function sampleProvenance(): Provenance {
  const own: PackageOrigin = { repository: null, suite: 'bookworm-security', component: 'main' };
  const origins = new Map<string, PackageOrigin>(samplePackages().map((each) => [each.package, own]));
  origins.set('panel-app', { repository: './' });
  origins.set('vendor-tool', { repository: vendor, suite: 'stable', component: 'main' });
  const releases = [release('bookworm-security', null, 'Debian'), release('stable', vendor, 'ACME Tools, Inc.')];
  return { lockDigest: 'd'.repeat(64), releases, origins };
}
