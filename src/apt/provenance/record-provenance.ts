import type { ImageConfig } from '../../config/types.ts';
import { textIfThere } from '../../files/if-there.ts';
import { lockDigest } from '../lockfile/lockfile.ts';
import type { Resolution } from '../resolve.ts';
import { hasOrigins, type Provenance, releaseKey } from './provenance.ts';
import { formatProvenance, parseProvenance, provenanceFile } from './provenance-file.ts';

/** What is recorded beside a lockfile. */
export interface Recorded {
  text: string;
  provenance: Provenance;
}

/** null: nothing is. Throws E_PROVENANCE_SYNTAX. */
export async function readRecorded(image: Pick<ImageConfig, 'lockfile'>): Promise<Recorded | null> {
  const file = provenanceFile(image);
  const text = await textIfThere(file);
  return text === null ? null : { text, provenance: parseProvenance(text, file) };
}

/**
 * What is to be recorded of a resolution: what was, to the byte, as long as the lockfile is the same and its packages
 * come from where they came from. @param anew records today's suites all the same
 */
export function recordOf(
  { text, origins: found, releases, packages }: Resolution,
  recorded: Recorded | null,
  { anew = false } = {},
): string {
  const digest = lockDigest(text);
  // What has left its suite, and is kept, came from where it came from then.
  const before = packages.flatMap(({ package: name }) => {
    const origin = recorded?.provenance.origins.get(name);
    return found.has(name) || origin === undefined ? [] : ([[name, origin]] as const);
  });
  const origins = new Map([...found, ...before]);
  const same =
    recorded?.provenance.lockDigest === digest &&
    hasOrigins(recorded.provenance, origins) &&
    keys(recorded.provenance.releases) === keys(releases);
  return same && !anew ? recorded.text : formatProvenance({ lockDigest: digest, releases: [...releases], origins });
}

function keys(releases: Provenance['releases'] | Resolution['releases']): string {
  return releases.map(releaseKey).join('\n');
}
