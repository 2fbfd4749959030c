import { expect } from 'chai';
import { spdx } from '../../src/sbom/spdx.ts';
import { sampleBill, samplePackages, sampleProvenance } from './sample-bill.ts';
import { ruleFaults } from './spdx-rules.ts';
import { type SpdxDocument, shapeFaults, spdxShape } from './spdx-shape.ts';

describe('the bill of material in SPDX', () => {
  const text = spdx(sampleBill({ provenance: sampleProvenance() }));
  const document = spdxShape.parse(JSON.parse(text));
  const nameOf = (id: string) => document.packages.find(({ SPDXID }) => SPDXID === id)?.name ?? id;
  const broken = (change: (document: SpdxDocument) => unknown) => {
    const copy = structuredClone(document);
    change(copy);
    return copy;
  };

  it('has the form that the specification of SPDX 2.3 gives it, and keeps its rules', () => {
    for (const bill of [sampleBill(), sampleBill({ provenance: sampleProvenance() })]) {
      const written = JSON.parse(spdx(bill));
      expect(shapeFaults(written)).to.deep.equal([]);
      expect(ruleFaults(written)).to.deep.equal([]);
    }
  });

  it('would not have that form with a field missing, unknown, of another type or of an unknown value', () => {
    const changes: [(document: SpdxDocument) => unknown, RegExp][] = [
      [(of) => Reflect.deleteProperty(of.packages[1]!, 'downloadLocation'), /^\/packages\/1\/downloadLocation /],
      [(of) => Reflect.deleteProperty(of, 'creationInfo'), /^\/creationInfo /],
      [(of) => Object.assign(of.packages[1]!, { licence: 'MIT' }), /^\/packages\/1 .*licence/],
      [(of) => Object.assign(of.packages[0]!, { versionInfo: 1 }), /^\/packages\/0\/versionInfo /],
      [(of) => Object.assign(of.packages[1]!, { SPDXID: 'SPDXRef-deb-a+b' }), /^\/packages\/1\/SPDXID /],
      [(of) => Object.assign(of.packages[1]!, { licenseDeclared: 'MIT' }), /^\/packages\/1\/licenseDeclared /],
      [(of) => Object.assign(of.packages[0]!.checksums[0]!, { algorithm: 'SHA-256' }), /\/checksums\/0\/algorithm /],
      [(of) => Object.assign(of.packages[0]!.checksums[0]!, { checksumValue: 'c' }), /\/checksums\/0\/checksumValue /],
      [(of) => Object.assign(of.relationships[0]!, { relationshipType: 'NEEDS' }), /\/relationshipType /],
      [(of) => Object.assign(of.creationInfo, { created: 'today' }), /^\/creationInfo\/created /],
      [(of) => of.creationInfo.creators.pop(), /^\/creationInfo\/creators /],
    ];
    for (const [change, fault] of changes) {
      const faults = shapeFaults(broken(change));
      expect(faults, String(fault)).to.have.lengthOf(1);
      expect(faults[0]).to.match(fault);
    }
  });

  it('would break the rules with an id or an address that is another', () => {
    const changes: [(document: SpdxDocument) => unknown, string][] = [
      [(of) => of.packages.pop(), 'relationship with SPDXRef-deb-vendor-tool'],
      [(of) => Object.assign(of.packages[2]!, { SPDXID: of.packages[1]!.SPDXID }), 'an id twice'],
      [(of) => Object.assign(of.packages[1]!, { homepage: 'not a URL' }), 'home page of dash'],
      [(of) => Object.assign(of.packages[1]!.externalRefs![0]!, { referenceLocator: 'deb/dash' }), 'purl of dash'],
      [(of) => Object.assign(of, { documentNamespace: 'panel' }), 'namespace'],
      [(of) => of.relationships.shift(), 'nothing described'],
    ];
    for (const [change, fault] of changes) expect(ruleFaults(broken(change))).to.include(fault);
  });

  it('names each package of the lockfile once, with its digest, file and purl', () => {
    for (const { package: name, sha256, filename } of samplePackages()) {
      const found = document.packages.filter((each) => each.name === name);
      expect(found).to.have.lengthOf(1);
      expect(found[0]!.checksums[0]?.checksumValue).to.equal(sha256);
      expect(filename.endsWith(`/${found[0]!.packageFileName}`)).to.equal(true);
      expect(found[0]!.externalRefs?.[0]?.referenceLocator).to.include(`/${name.replaceAll('+', '%2B')}@`);
    }
  });

  it('says what the image contains and what depends on what', () => {
    const told = document.relationships.map(
      ({ spdxElementId, relationshipType, relatedSpdxElement }) =>
        `${nameOf(spdxElementId)} ${relationshipType} ${nameOf(relatedSpdxElement)}`,
    );
    expect(told).to.include.members([
      'SPDXRef-DOCUMENT DESCRIBES panel',
      'panel CONTAINS libstdc++6',
      'dash DEPENDS_ON mawk',
      'diffutils DEPENDS_ON libstdc++6',
    ]);
    expect(told.filter((line) => line.includes('CONTAINS'))).to.have.lengthOf(samplePackages().length);
  });

  it('is the same each time, and another for another commit', () => {
    const bill = sampleBill({ provenance: sampleProvenance() });
    expect(spdx(bill)).to.equal(text);
    const other = sampleBill({ image: { ...bill.image, commit: 'b'.repeat(64) } });
    expect(other.uuid).not.to.equal(sampleBill().uuid);
  });
});
