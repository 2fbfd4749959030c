import type { ChangelogEntry } from './changelog.ts';

/** What changelog entries refer to. */
export interface References {
  /** CVE ids that are named, in the order of their numbers. */
  cves: string[];
  /** Debian bugs that are closed, in ascending order. */
  bugs: number[];
  /** The highest of all entries; null when none has one that is known. */
  urgency: Urgency | null;
}

/** From low to high, as dpkg ranks them. */
export const urgencies = ['low', 'medium', 'high', 'critical', 'emergency'] as const;
export type Urgency = (typeof urgencies)[number];

export function referencesOf(entries: readonly ChangelogEntry[]): References {
  const texts = entries.map(({ changes }) => changes);
  const highest = entries.reduce((rank, { urgency }) => Math.max(rank, urgencies.indexOf(urgency as Urgency)), -1);
  return {
    cves: distinct(texts.flatMap(cvesIn)).sort(byNumbers),
    bugs: distinct(texts.flatMap(closedIn)).sort((a, b) => a - b),
    urgency: urgencies[highest] ?? null,
  };
}

function cvesIn(text: string): string[] {
  return (text.match(/\bCVE-\d{4}-\d{4,19}\b/gi) ?? []).map((id) => id.toUpperCase());
}

/** `Closes: #123, bug#456` (Debian Policy, 4.4), which may go on in the next line. */
function closedIn(text: string): number[] {
  const lists = text.match(/closes:\s*(?:bug)?#?\s?\d+(?:,\s*(?:bug)?#?\s?\d+)*/gi) ?? [];
  return lists.flatMap((list) => (list.match(/\d+/g) ?? []).map(Number)).filter(Number.isSafeInteger);
}

function byNumbers(a: string, b: string): number {
  const [x, y] = [a, b].map((id) => id.split('-').map(Number));
  return x![1]! - y![1]! || x![2]! - y![2]!;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
