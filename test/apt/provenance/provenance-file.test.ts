import { expect } from 'chai';
import { hasOrigins, type PackageOrigin, type Provenance, releaseOf } from '../../../src/apt/provenance/provenance.ts';
import { formatProvenance, parseProvenance, provenanceFile } from '../../../src/apt/provenance/provenance-file.ts';
import { LockstepError } from '../../../src/errors/index.ts';

const release = {
  origin: 'Debian',
  label: 'Debian',
  archive: 'oldstable',
  codename: 'bookworm',
  version: '12.8',
  date: 'Sat, 11 Jul 2026 10:16:37 UTC',
  sha256: 'a'.repeat(64),
  signers: ['A'.repeat(40), 'B'.repeat(40)],
};
const vendor = 'https://repo.example.org/debian';
const sample: Provenance = {
  lockDigest: '0'.repeat(64),
  releases: [
    { ...release, repository: null, suite: 'bookworm' },
    { ...release, repository: vendor, suite: 'stable', origin: null, label: null, version: null },
  ],
  origins: new Map<string, PackageOrigin>([
    ['tool', { repository: vendor, suite: 'stable', component: 'main' }],
    ['zlib1g', { repository: null, suite: 'bookworm', component: 'main' }],
    ['firmware', { repository: null, suite: 'bookworm', component: 'contrib' }],
    ['own', { repository: './' }],
    ['dash', { repository: null, suite: 'bookworm', component: 'main' }],
  ]),
};

describe('the provenance of a lockfile', () => {
  const text = formatProvenance(sample);

  it('lies beside the lockfile', () => {
    expect(provenanceFile({ lockfile: '/p/panel.lock' })).to.equal('/p/panel.provenance');
  });

  it('is read back as it was written, whatever order the packages are given in', () => {
    const { lockDigest, releases, origins } = parseProvenance(text, 'panel.provenance');
    expect({ lockDigest, releases }).to.deep.equal({ lockDigest: sample.lockDigest, releases: sample.releases });
    expect(hasOrigins(sample, origins)).to.equal(true);
    expect(formatProvenance({ ...sample, origins: new Map([...sample.origins].reverse()) })).to.equal(text);
  });

  it('names a package a line, under its component', () => {
    expect(text).to.contain('\n\nSuite: bookworm\nComponent: main\nPackages:\n dash\n zlib1g\n\n');
    expect(text).to.contain(`\n\nRepository: ${vendor}\nSuite: stable\nComponent: main\nPackages:\n tool\n\n`);
  });

  it('tells the release of a package, and none of a local deb', () => {
    expect(releaseOf(sample, 'dash')?.suite).to.equal('bookworm');
    expect(releaseOf(sample, 'tool')?.repository).to.equal(vendor);
    expect(releaseOf(sample, 'own')).to.equal(undefined);
  });

  it('is another when a package came from elsewhere, or another package did', () => {
    const moved = new Map(sample.origins).set('dash', { repository: null, suite: 'bookworm', component: 'contrib' });
    expect(hasOrigins(sample, moved)).to.equal(false);
    expect(hasOrigins(sample, new Map([...sample.origins].slice(1)))).to.equal(false);
  });

  for (const [what, broken, says] of [
    ['a text that is not deb822', 'hello\n', 'panel.provenance:1: expected "Field: value"'],
    ['an empty file', '', 'no stanza has the field Lockfile-SHA256'],
    [
      'a digest of the wrong length',
      text.replace('a'.repeat(64), 'a'.repeat(63)),
      ':3: the release of a suite has no proper sha256',
    ],
    ['a date that is none', text.replace('11 Jul 2026', 'yesterday'), 'no proper date'],
    ['a package that is there twice', text.replace(' dash\n', ' dash\n tool\n'), 'tool is there twice'],
    ['packages without a component', text.replace('Component: main\n', ''), 'without the fields Suite and Component'],
    ['a conflict marker', `<<<<<<< ours\n${text}`, 'panel.provenance:1: expected'],
  ] as const) {
    it(`refuses ${what}`, () => {
      const error = caught(() => parseProvenance(broken, 'panel.provenance'));
      expect(error.code).to.equal('E_PROVENANCE_SYNTAX');
      expect(error.message).to.contain(says);
    });
  }
});

function caught(work: () => unknown): LockstepError {
  try {
    work();
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
