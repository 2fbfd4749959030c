import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { expect } from 'chai';
import { cycloneDx } from '../../src/sbom/cyclonedx.ts';
import { sampleBill, samplePackages, sampleProvenance } from './sample-bill.ts';

interface Entry {
  name: string;
  purl: string;
  'bom-ref': string;
  hashes: { alg: string; content: string }[];
  properties: { name: string; value: string }[];
}

interface Document {
  metadata: { timestamp: string; component: Entry };
  components: Entry[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

describe('the bill of material in CycloneDX', () => {
  const text = cycloneDx(sampleBill({ provenance: sampleProvenance() }));
  const document = JSON.parse(text) as Document;
  const component = (name: string) => document.components.find((each) => each.name === name)!;
  const validator = new JsonStrictValidator(Version.v1dot6);

  it('is valid by the schema of CycloneDX 1.6', async () => {
    expect(await validator.validate(text)).to.equal(null);
    expect(await validator.validate(cycloneDx(sampleBill()))).to.equal(null);
  });

  it('would not be valid with a digest that is none', async () => {
    expect(await validator.validate(text.replace(`"content": "${'c'.repeat(64)}"`, '"content": "c"'))).not.to.equal(
      null,
    );
  });

  it('names each package of the lockfile with its digest and its source package', () => {
    const packages = samplePackages();
    expect(document.components.map(({ name }) => name)).to.have.members(packages.map((each) => each.package));
    for (const { package: name, sha256 } of packages)
      expect(component(name).hashes).to.deep.equal([{ alg: 'SHA-256', content: sha256 }]);
    expect(component('libc6').properties).to.deep.include({ name: 'lockstep:source-package', value: 'glibc' });
    expect(component('libc6').properties).to.deep.include({ name: 'lockstep:source-version', value: '2.36-9' });
    expect(component('libc6').properties).to.deep.include({ name: 'lockstep:origin', value: 'bookworm-security/main' });
  });

  it('names the commit and the lockfile that it is of', () => {
    const { hashes, properties } = document.metadata.component;
    expect(hashes).to.deep.equal([{ alg: 'SHA-256', content: 'c'.repeat(64) }]);
    expect(properties).to.deep.include({ name: 'lockstep:lock-digest', value: 'd'.repeat(64) });
  });

  it('says what depends on what, through provided names and alternatives', () => {
    const of = (name: string) => {
      const found = document.dependencies.find(({ ref }) => ref === component(name)['bom-ref']);
      return (found?.dependsOn ?? []).map((ref) => document.components.find((each) => each['bom-ref'] === ref)!.name);
    };
    expect(of('dash')).to.have.members(['libc6', 'mawk']);
    expect(of('diffutils')).to.have.members(['libc6', 'libstdc++6']);
    expect(of('libc6')).to.deep.equal([]);
    const image = document.dependencies.find(({ ref }) => ref.startsWith('panel/armhf@'));
    expect(image?.dependsOn).to.have.lengthOf(samplePackages().length);
  });

  it('is the same each time, and has the time of the build', () => {
    expect(cycloneDx(sampleBill({ provenance: sampleProvenance() }))).to.equal(text);
    expect(document.metadata.timestamp).to.equal('2000-01-01T00:00:00.000Z');
  });
});
