import { createHash } from 'node:crypto';
import { formatProvenance } from '../apt/provenance/provenance-file.ts';
import { version } from '../version.ts';
import type { BillInputs } from './bill.ts';

/** To be raised when the same inputs are to give other documents. */
const form = '2';

/**
 * What names a bill in both formats. Where others take a random number, this is a digest of everything that the bill is made
 * from (RFC 9562, version 8): documents that have it need not be written again.
 */
export function billUuid({ image, provenance, time }: Omit<BillInputs, 'uuid' | 'packages' | 'distribution'>): string {
  const { name, version: imageVersion, ref, commit, lockDigest, revision } = image;
  const origins = provenance === null ? null : formatProvenance(provenance);
  const inputs = [form, version, name, imageVersion, ref, commit, lockDigest, revision, origins, time];
  const hex = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
