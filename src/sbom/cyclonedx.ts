import { ComponentType, ExternalReferenceType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  ComponentRepository,
  ExternalReference,
  HashDictionary,
  Metadata,
  OrganizationalContact,
  OrganizationalContactRepository,
  OrganizationalEntity,
  Property,
  PropertyRepository,
  Tool,
  ToolRepository,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as CycloneDxJson, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { version } from '../version.ts';
import type { Bill, BilledPackage } from './bill.ts';

/** A bill as a CycloneDX 1.6 JSON document. */
export function cycloneDx(bill: Bill): string {
  const components = new Map(bill.packages.map((each) => [each.locked.package, componentOf(each)]));
  for (const { locked, dependsOn } of bill.packages) {
    for (const name of dependsOn) components.get(locked.package)!.dependencies.add(components.get(name)!.bomRef);
  }
  const image = imageComponent(bill);
  for (const component of components.values()) image.dependencies.add(component.bomRef);
  const bom = new Bom({
    serialNumber: `urn:uuid:${bill.uuid}`,
    metadata: new Metadata({
      timestamp: new Date(bill.created),
      tools: new Tools({ tools: new ToolRepository([new Tool({ name: 'lockstep', version })]) }),
      component: image,
    }),
    components: new ComponentRepository(components.values()),
  });
  const serializer = new JsonSerializer(new CycloneDxJson.Normalize.Factory(Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function imageComponent({ image }: Bill): Component {
  const { name, ref, commit, lockDigest, revision } = image;
  return new Component(ComponentType.OperatingSystem, name, {
    bomRef: `${ref}@${commit}`,
    version: image.version,
    hashes: sha256(commit),
    properties: properties({
      'lockstep:ostree-ref': ref,
      'lockstep:ostree-commit': commit,
      'lockstep:lock-digest': lockDigest,
      'lockstep:source-revision': revision,
    }),
  });
}

function componentOf({ locked, purl, source, maintainer, summary, homepage, origin }: BilledPackage): Component {
  const component = new Component(ComponentType.Library, locked.package, {
    bomRef: purl,
    purl,
    version: locked.version,
    hashes: sha256(locked.sha256),
    description: summary ?? undefined,
    supplier: maintainer === null ? undefined : entityOf(maintainer),
    properties: properties({
      'lockstep:architecture': locked.architecture,
      'lockstep:filename': locked.filename,
      'lockstep:origin': origin,
      'lockstep:source-package': source.name,
      'lockstep:source-version': source.version,
    }),
  });
  if (homepage !== null)
    component.externalReferences.add(new ExternalReference(homepage, ExternalReferenceType.Website));
  return component;
}

function entityOf({ name, email }: NonNullable<BilledPackage['maintainer']>): OrganizationalEntity {
  const contact = new OrganizationalContact({ name, email: email ?? undefined });
  return new OrganizationalEntity({ name, contact: new OrganizationalContactRepository([contact]) });
}

function sha256(digest: string): HashDictionary {
  return new HashDictionary([[HashAlgorithm['SHA-256'], digest]]);
}

function properties(values: Record<string, string | null>): PropertyRepository {
  const known = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null);
  return new PropertyRepository(known.map(([name, value]) => new Property(name, value)));
}
