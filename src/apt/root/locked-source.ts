import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { ChosenDeb } from '../archive/index-stanzas.ts';
import { formatStanzas, Stanza } from '../deb822.ts';
import { isLocal } from '../lockfile/local-debs.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';
import { lockedLabel } from './preferences.ts';
import type { PrivateRoot } from './private-root.ts';
import { writeInRoot } from './write-in-root.ts';

/**
 * Adds what a lockfile pins to the sources of a prepared root, as one more flat archive, so that versions that have left
 * the suites can be kept. Trusted, as their signatures were checked when they were pinned. apt takes nothing from it
 * but what preferences name. It comes last: where a suite has the same deb, the suite's stanza counts.
 */
export async function addLockedSource(
  toolbox: Toolbox,
  root: PrivateRoot,
  locked: readonly LockedPackage[],
): Promise<void> {
  const published = locked.filter((deb) => !isLocal(deb));
  if (published.length === 0) return;
  const dir = directory(root);
  const index = formatStanzas(published.map(({ fields }) => optional(fields)));
  const digest = createHash('sha256').update(index).digest('hex');
  const release = `Label: ${lockedLabel}\nDate: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n ${digest} ${Buffer.byteLength(index)} Packages\n`;
  await writeInRoot(toolbox, root, path.join(dir, 'Packages'), index);
  await writeInRoot(toolbox, root, path.join(dir, 'Release'), release);
  const source = `\nTypes: deb\nURIs: file:${encodeURI(dir)}\nSuites: ./\nTrusted: yes\n`;
  await writeInRoot(toolbox, root, path.join(root.dir, 'image.sources'), source, { append: true });
}

/** Whether apt would take a deb from there, as no suite has it. */
export function isFromLock(root: PrivateRoot, { url }: ChosenDeb): boolean {
  return url.startsWith('file:') && decodeURIComponent(url).includes(`${directory(root)}/`);
}

/** What was essential once must not be asked for now. */
function optional({ raw }: Stanza): Stanza {
  return new Stanza(raw.replace(/^Essential:.*(\n|$)/im, '').trimEnd());
}

function directory(root: PrivateRoot): string {
  return path.join(root.dir, 'locked');
}
