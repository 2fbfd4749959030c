import { expect } from 'chai';
import { spdx } from '../../src/sbom/spdx.ts';
import { sampleBill, samplePackages, sampleProvenance } from './sample-bill.ts';
import { spdxShape } from './spdx-shape.ts';

describe('the bill of material in SPDX', () => {
  const text = spdx(sampleBill({ provenance: sampleProvenance() }));
  const document = spdxShape.parse(JSON.parse(text));
  const nameOf = (id: string) => document.packages.find(({ SPDXID }) => SPDXID === id)?.name ?? id;

  it('has the form that the specification gives it', () => {
    for (const bill of [sampleBill(), sampleBill({ provenance: sampleProvenance() })])
      expect(spdxShape.safeParse(JSON.parse(spdx(bill))).error).to.equal(undefined);
  });

  it('names each package of the lockfile once, with its digest, file and purl', () => {
    const ids = document.packages.map(({ SPDXID }) => SPDXID);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const { package: name, sha256, filename } of samplePackages()) {
      const found = document.packages.find((each) => each.name === name);
      expect(found?.checksums[0]?.checksumValue).to.equal(sha256);
      expect(filename.endsWith(`/${found?.packageFileName}`)).to.equal(true);
      expect(found?.externalRefs?.[0]?.referenceLocator).to.include(`/${name.replaceAll('+', '%2B')}@`);
    }
  });

  it('says what the image contains and what depends on what, of elements that are there', () => {
    const known = new Set(['SPDXRef-DOCUMENT', ...document.packages.map(({ SPDXID }) => SPDXID)]);
    const told = document.relationships.map(({ spdxElementId, relationshipType, relatedSpdxElement }) => {
      expect(known).to.include(spdxElementId).and.include(relatedSpdxElement);
      return `${nameOf(spdxElementId)} ${relationshipType} ${nameOf(relatedSpdxElement)}`;
    });
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
