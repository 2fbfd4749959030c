import type { DescribedChanges } from '../apt/changes/described.ts';
import type { PackageChange } from '../apt/changes/diff.ts';
import { changesMarkdown, type TitledChanges } from '../apt/changes/markdown.ts';

/** One image's part of an update, as the verb `update` reports it; with what changelogs say, where that is known. */
export interface ImageChanges extends Partial<Omit<DescribedChanges, 'changes'>> {
  name: string;
  /** Absolute path. */
  lockfile: string;
  changes: PackageChange[];
}

/** The order in which kinds are counted; others follow by name. */
const order = ['upgraded', 'downgraded', 'added', 'removed'];

/** Characters of the changelogs in a message: forges take it for the text of the merge request. */
const changelogLimit = 16_000;

/**
 * The commit message of a refresh: `Refresh panel: 3 upgraded, 1 added`, and below it what changed by source package with the changelog
 * entries, in Markdown; of images of which the changelogs are not known, a line for each package. Images without a change are left out.
 */
export function commitMessage(images: readonly ImageChanges[]): string {
  const changed = images.filter((image) => image.changes.length > 0);
  const named = changed.length > 0 ? changed : images;
  const subject = `Refresh ${named.map((image) => image.name).join(', ')}: ${countChanges(named)}`;
  if (changed.length > 0 && changed.every(isDescribed)) {
    const titled = changed.map((image) => ({ ...image, title: image.name }));
    return `${subject}\n\n${changesMarkdown(titled, { limit: changelogLimit, headings: 'bold' })}\n`;
  }
  const sections = changed.map((image) => {
    const heading = changed.length > 1 ? [`${image.name}:`] : [];
    return [...heading, ...image.changes.map(describeChange)].join('\n');
  });
  return `${[subject, ...sections].join('\n\n')}\n`;
}

function isDescribed(image: ImageChanges): image is ImageChanges & Omit<TitledChanges, 'title'> {
  return image.sources !== undefined && image.size !== undefined;
}

/** `3 upgraded, 1 added`, over all images. */
export function countChanges(images: readonly ImageChanges[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of images.flatMap((image) => image.changes)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  // The same versions under other stanzas: the archive rebuilt an index or moved a file.
  return kinds.map((kind) => `${counts.get(kind)} ${kind}`).join(', ') || 'same versions, new metadata';
}

function rank(kind: string): number {
  const index = order.indexOf(kind);
  return index === -1 ? order.length : index;
}

function describeChange(change: PackageChange): string {
  if (change.from === null) return `- ${change.package} ${change.to} (${change.kind})`;
  if (change.to === null) return `- ${change.package} ${change.from} (${change.kind})`;
  return `- ${change.package} ${change.from} -> ${change.to}`;
}
