import { z } from 'zod';

/**
 * The part of SPDX 2.3 that lockstep writes, by the specification (chapters 6, 7 and 11) and stricter than its JSON schema:
 * no field beside these, every form checked. A document that fits is valid; one that does not may still be.
 */
const element = z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/);
const line = z.string().regex(/^[^\n]+$/);
const agent = z.string().regex(/^(NOASSERTION|(Person|Organization): [^\n]+)$/);
const assertion = z.literal('NOASSERTION');

const checksum = z.strictObject({
  algorithm: z.literal('SHA256'),
  checksumValue: z.string().regex(/^[0-9a-f]{64}$/),
});

const externalRef = z.strictObject({
  referenceCategory: z.literal('PACKAGE-MANAGER'),
  referenceType: z.literal('purl'),
  referenceLocator: z.string().regex(/^pkg:deb\/\S+@\S+$/),
});

const entry = z.strictObject({
  name: line,
  SPDXID: element,
  versionInfo: line,
  packageFileName: z
    .string()
    .regex(/^[^/\n]+\.deb$/)
    .optional(),
  supplier: agent,
  downloadLocation: assertion,
  filesAnalyzed: z.literal(false),
  licenseConcluded: assertion,
  licenseDeclared: assertion,
  copyrightText: assertion,
  checksums: z.array(checksum).length(1),
  homepage: z.string().optional(),
  summary: line.optional(),
  sourceInfo: line,
  primaryPackagePurpose: z.literal('OPERATING_SYSTEM').optional(),
  externalRefs: z.array(externalRef).length(1).optional(),
});

const relationship = z.strictObject({
  spdxElementId: element,
  relatedSpdxElement: element,
  relationshipType: z.enum(['DESCRIBES', 'CONTAINS', 'DEPENDS_ON']),
});

export const spdxShape = z.strictObject({
  spdxVersion: z.literal('SPDX-2.3'),
  dataLicense: z.literal('CC0-1.0'),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  name: line,
  documentNamespace: z.url().refine((text) => !text.includes('#'), 'without #'),
  creationInfo: z.strictObject({
    created: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    creators: z.array(z.string().regex(/^Tool: \S+-[0-9.]+$/)).min(1),
  }),
  packages: z.array(entry).min(1),
  relationships: z.array(relationship).min(1),
});

/** A document that lockstep writes. */
export type SpdxDocument = z.infer<typeof spdxShape>;
export type SpdxPackage = z.infer<typeof entry>;

/** What of a document does not fit, a line each: where, and why. */
export function shapeFaults(document: unknown): string[] {
  const issues = spdxShape.safeParse(document).error?.issues ?? [];
  return issues.map(({ path, message }) => `/${path.join('/')} ${message}`);
}
