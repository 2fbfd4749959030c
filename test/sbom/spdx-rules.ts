import { PackageURL } from 'packageurl-js';
import type { SpdxDocument, SpdxPackage } from './spdx-shape.ts';

const documentId = 'SPDXRef-DOCUMENT';

/**
 * What the specification of SPDX 2.3 asks of a document as a whole (chapters 6, 7 and 11): ids that are one element's alone,
 * relationships between elements that are there, and addresses that can be read. A line for each breach.
 */
export function ruleFaults(document: SpdxDocument): string[] {
  const { packages, relationships, documentNamespace } = document;
  const known = new Set([documentId, ...packages.map(({ SPDXID }) => SPDXID)]);
  const described = relationships.filter(({ relationshipType }) => relationshipType === 'DESCRIBES');
  return [
    ...unless(isAbsoluteUri(documentNamespace), 'namespace'),
    ...unless(known.size === packages.length + 1, 'an id twice'),
    ...unless(described.length > 0, 'nothing described'),
    ...relationships.flatMap(({ spdxElementId, relatedSpdxElement }) =>
      [spdxElementId, relatedSpdxElement].flatMap((id) => unless(known.has(id), `relationship with ${id}`)),
    ),
    ...packages.flatMap(packageFaults),
  ];
}

function packageFaults({ name, homepage, externalRefs }: SpdxPackage): string[] {
  return [
    ...unless(homepage === undefined || isAbsoluteUri(homepage), `home page of ${name}`),
    ...(externalRefs ?? []).flatMap(({ referenceLocator }) => unless(isPurl(referenceLocator), `purl of ${name}`)),
  ];
}

function unless(kept: boolean, fault: string): string[] {
  return kept ? [] : [fault];
}

function isAbsoluteUri(text: string): boolean {
  return URL.canParse(text) && !/\s/.test(text);
}

function isPurl(text: string): boolean {
  try {
    const { type, name, version } = PackageURL.fromString(text);
    return !/\s/.test(text) && type === 'deb' && Boolean(name && version);
  } catch {
    return false;
  }
}
