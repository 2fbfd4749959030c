import path from 'node:path';
import { version } from '../version.ts';
import type { Bill, BilledPackage } from './bill.ts';

/**
 * A bill as an SPDX 2.3 JSON document. Written by hand, as no library for Node writes this format: the fields are
 * those of the specification's chapters on document, package and relationship information.
 */
export function spdx(bill: Bill): string {
  const { image, created, uuid, packages } = bill;
  const describes = { spdxElementId: documentId, relatedSpdxElement: imageId, relationshipType: 'DESCRIBES' };
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: documentId,
    name: `${image.name}-${image.version}`,
    // A name that is unique, not an address: the specification asks for a URI, whether or not it leads somewhere.
    documentNamespace: `urn:uuid:${uuid}`,
    creationInfo: { created, creators: [`Tool: lockstep-${version}`] },
    packages: [imagePackage(bill), ...packages.map(packageOf)],
    relationships: [describes, ...packages.flatMap(relationshipsOf)],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const documentId = 'SPDXRef-DOCUMENT';
const imageId = 'SPDXRef-Image';
const unknown = 'NOASSERTION';

/** Letters, digits, dots and dashes. A plus sign becomes what no name of a package has, capitals. */
function idOf(name: string): string {
  return `SPDXRef-deb-${name.replaceAll('+', 'PLUS')}`;
}

/** No licence is claimed: a lockfile says nothing of them. */
const unasserted = {
  downloadLocation: unknown,
  filesAnalyzed: false,
  licenseConcluded: unknown,
  licenseDeclared: unknown,
  copyrightText: unknown,
};

function imagePackage({ image }: Bill): object {
  const revision = image.revision === null ? '' : `, source revision ${image.revision}`;
  return {
    name: image.name,
    SPDXID: imageId,
    versionInfo: image.version,
    supplier: unknown,
    ...unasserted,
    checksums: checksums(image.commit),
    primaryPackagePurpose: 'OPERATING_SYSTEM',
    sourceInfo: `ostree commit ${image.commit} of ${image.ref}, lockfile of sha256 ${image.lockDigest}${revision}`,
  };
}

function packageOf({ locked, purl, source, maintainer, summary, homepage, origin }: BilledPackage): object {
  const published = origin === null ? '' : `, published in ${origin}`;
  return {
    name: locked.package,
    SPDXID: idOf(locked.package),
    versionInfo: locked.version,
    packageFileName: path.posix.basename(locked.filename),
    supplier: maintainer === null ? unknown : agentOf(maintainer),
    ...unasserted,
    checksums: checksums(locked.sha256),
    ...(homepage === null ? {} : { homepage }),
    ...(summary === null ? {} : { summary }),
    sourceInfo: `built from the source package ${source.name} ${source.version}${published}`,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

/** Most maintainers are teams. */
function agentOf({ name, email }: NonNullable<BilledPackage['maintainer']>): string {
  return `Organization: ${name}${email === null ? '' : ` (${email})`}`;
}

function relationshipsOf({ locked, dependsOn }: BilledPackage): object[] {
  const of = idOf(locked.package);
  return [
    { spdxElementId: imageId, relatedSpdxElement: of, relationshipType: 'CONTAINS' },
    ...dependsOn.map((name) => ({ spdxElementId: of, relatedSpdxElement: idOf(name), relationshipType: 'DEPENDS_ON' })),
  ];
}

function checksums(sha256: string): object[] {
  return [{ algorithm: 'SHA256', checksumValue: sha256 }];
}
