import type { ChangelogEntry } from './changelog.ts';
import type { DescribedChanges, DescribedSource } from './described.ts';
import type { ChangeKind } from './diff.ts';

/** Of ids and names in a line; `--json` has all. */
const listed = 12;

/** `5 packages: 4 upgraded, 1 added; 3.4 MB to download; installed size +12.3 kB` */
export function summaryOf({ changes, size }: DescribedChanges): string {
  const counts = kinds.map((kind) => ({ kind, count: changes.filter((change) => change.kind === kind).length }));
  const told = counts.filter(({ count }) => count > 0).map(({ kind, count }) => `${count} ${kind}`);
  const delta = size.installed.to - size.installed.from;
  return [
    `${changes.length} ${changes.length === 1 ? 'package' : 'packages'}: ${told.join(', ')}`,
    ...(size.new === null || size.new === 0 ? [] : [`${bytes(size.new)} to download`]),
    ...(size.installed.from === 0 || delta === 0 ? [] : [`installed size ${signed(delta)}`]),
  ].join('; ');
}

const kinds: readonly ChangeKind[] = ['upgraded', 'downgraded', 'rebuilt', 'added', 'removed'];

/** What a source's changelog entries amount to; empty when they name nothing. */
export function amountOf({ urgency, cves, bugs, kind }: DescribedSource): string[] {
  const back = kind === 'downgraded' ? 'takes back ' : '';
  return [
    ...(urgency === null ? [] : [`urgency ${urgency}`]),
    ...(cves.length === 0 ? [] : [back + shortened(cves)]),
    ...(bugs.length === 0 ? [] : [`${back}Debian bug${bugs.length === 1 ? '' : 's'} ${shortened(bugs.map(String))}`]),
  ];
}

/** The changed packages of a source, with what became of those that did not go with it; empty when its name says it all. */
export function packagesOf(
  { source, from, to, kind, packages }: DescribedSource,
  { changes }: DescribedChanges,
): string {
  if (packages.length === 1 && packages[0] === source) return '';
  const names = new Set(packages);
  const words = changes
    .filter((change) => names.has(change.package))
    .map((change) => {
      if (change.kind !== kind) return `${change.package} (${change.kind})`;
      const own = change.from !== null && change.to !== null && (change.from !== from || change.to !== to);
      return own ? `${change.package} ${change.from} -> ${change.to}` : change.package;
    });
  return shortened(words);
}

/** Characters of a line; `--json` has all. */
const lineLimit = 400;

/** An entry as lines: its version, suites and day, then its details. */
export function entryLines({ version, distributions, date, changes }: ChangelogEntry): string[] {
  const day = /\d{1,2}\s+\w+\s+\d{4}/.exec(date ?? '')?.[0];
  const about = [distributions.join(' '), day].filter((word) => word !== undefined && word !== '');
  const heading = `${version ?? 'an entry without a heading'}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
  const details = changes.split('\n').map((line) => (line.startsWith(' ') ? line : `  ${line}`.trimEnd()));
  return [heading, ...details].map((line) => (line.length > lineLimit ? `${line.slice(0, lineLimit)}…` : line));
}

export function shortened(words: readonly string[]): string {
  const more = words.length - listed;
  return more > 1 ? `${words.slice(0, listed).join(', ')} and ${more} more` : words.join(', ');
}

/** In the unit that fits, of powers of 1000. */
function bytes(count: number): string {
  if (count < 1e3) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function signed(count: number): string {
  return `${count < 0 ? '-' : '+'}${bytes(Math.abs(count))}`;
}
