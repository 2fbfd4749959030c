import { formatChange, type PackageChange } from '../../apt/changes/diff.ts';
import type { UpdatedImage, WaitingVersion } from './update.ts';

/** What an update did, for a terminal. */
export function updateText(images: readonly UpdatedImage[], message: string): string {
  const lines = images
    .filter((image) => image.changed || image.recordChanged || image.waiting.length > 0)
    .flatMap(({ name, changes, packages, waiting }) => [
      ...changeLines(name, changes, packages),
      ...waiting.map((each) => `  ${waitingText(each)}`),
    ]);
  return [...lines, message].join('\n');
}

function changeLines(name: string, changes: readonly PackageChange[], packages: number): string[] {
  if (isNew(changes, packages)) return [`${name}: ${packages} packages, all new`];
  if (changes.length === 0) return [`${name}: ${packages} packages, none changed`];
  const lines = changes.map((change) => `  ${formatChange(change)}`);
  return [`${name}: ${packages} packages, ${changes.length} changed`, ...lines];
}

function waitingText({ package: name, version, published, seen, until }: WaitingVersion): string {
  const since = published === undefined ? `first seen on ${minute(seen!)}` : `published on ${minute(published)}`;
  return `${name} ${version} waits until ${minute(until)}: ${since}`;
}

/** `2026-11-24 10:32 UTC` */
function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

/** A first lockfile is as long as its list of changes: the count says as much. */
function isNew(changes: readonly PackageChange[], packages: number): boolean {
  return changes.length === packages && changes.every(({ kind }) => kind === 'added');
}
