import { provenanceFile } from '../apt/provenance/provenance-file.ts';

/** The locks of an image's users and groups, and the record of its debs' trees, which its builds write beside the lockfile. */
export function idLocks(lockfile: string): string[] {
  const stem = lockfile.replace(/\.lock$/, '');
  return [`${stem}.passwd`, `${stem}.group`, `${stem}.trees`];
}

/** The record of where its packages come from, which an update writes with the lockfile. */
export function recordBeside(lockfile: string): string {
  return provenanceFile({ lockfile });
}
