import type { DescribedChanges, DescribedSource } from './described.ts';
import { codeBlock, codeSpan, unlinked } from './harmless.ts';
import { amountOf, entryLines, packagesOf, summaryOf } from './phrases.ts';

/** One image's part of a description. */
export interface TitledChanges extends DescribedChanges {
  title: string;
}

export interface MarkdownOptions {
  /** Characters; when not given, below what the forges take for a merge request, of which 32,768 is the least. */
  limit?: number;
  /** `bold` for a commit message: git takes lines that begin with `#` for comments when it is edited. */
  headings?: 'hashes' | 'bold';
}

/** Characters of one source's changelog, so that a kernel's does not leave the others out. */
const sourceLimit = 5_000;

/**
 * What sets of packages differ in, for a merge request: each source in a line, then the changelogs as far as there is room, those with
 * CVE ids first. Nothing in it is markup, a mention or a command to whoever receives it but what is made here.
 */
export function changesMarkdown(images: readonly TitledChanges[], options: MarkdownOptions = {}): string {
  const { limit = 30_000, headings = 'hashes' } = options;
  const heading = (level: number, text: string) =>
    headings === 'bold' ? `**${text}**` : `${'#'.repeat(level)} ${text}`;
  const head: string[] = [];
  let room = limit - 200;
  const add = (text: string): boolean => {
    if (text.length + 2 > room) return false;
    head.push(text);
    room -= text.length + 2;
    return true;
  };
  for (const image of images) {
    add(`${heading(3, unlinked(image.title))}\n\n${unlinked(summaryOf(image))}`);
    add(listOf(image, Math.floor(room / 2)));
  }
  const told = images.flatMap(({ sources }) => sources.filter(({ entries }) => entries.length > 0)).sort(byWeight);
  const left = told.filter((source) => !add(`${heading(4, titleOf(source))}\n\n${changelogOf(source)}`));
  if (left.length > 0) {
    const names = left.length === 1 ? 'one more source' : `${left.length} more sources`;
    head.push(`The changelogs of ${names} are too long for here; \`lockstep diff\` shows them.`);
  }
  return head.filter((part) => part !== '').join('\n\n');
}

function listOf(image: TitledChanges, limit: number): string {
  const lines: string[] = [];
  let length = 0;
  for (const source of image.sources) {
    const line = sourceLine(source, image);
    length += line.length + 1;
    if (length > limit) return [...lines, `- … and ${image.sources.length - lines.length} more`].join('\n');
    lines.push(line);
  }
  return lines.join('\n');
}

function sourceLine(source: DescribedSource, image: TitledChanges): string {
  const { from, to, kind, note, changelog } = source;
  const versions = [from, to].filter((version) => version !== null).map(codeSpan);
  const packages = packagesOf(source, image);
  const told = amountOf(source);
  return [
    `- ${codeSpan(source.source)} ${[...new Set(versions)].join(' → ')}`,
    kind === 'upgraded' ? '' : ` (${kind})`,
    told.length === 0 ? '' : `; ${unlinked(told.join('; '))}`,
    packages === '' ? '' : `; packages: ${codeSpan(packages)}`,
    note === null || changelog === 'not-needed'
      ? ''
      : `; ${changelog === 'cut' ? 'older entries are cut off' : 'no changelog here'}`,
  ].join('');
}

function titleOf({ source, from, to, kind }: DescribedSource): string {
  const what = kind === 'downgraded' ? `taken back to ${codeSpan(to ?? '')}` : `since ${codeSpan(from ?? '')}`;
  return `${codeSpan(source)}, ${what}`;
}

function changelogOf({ entries }: DescribedSource): string {
  const lines: string[] = [];
  const all = entries.flatMap(entryLines).map((line) => ` ${line}`.trimEnd());
  let length = 0;
  for (const line of all) {
    length += line.length + 1;
    if (length > sourceLimit) break;
    lines.push(line);
  }
  const rest = all.length - lines.length;
  if (rest > 0) lines.push(` … ${rest} more ${rest === 1 ? 'line' : 'lines'}`);
  return codeBlock(lines);
}

/** What fixes most comes first. */
function byWeight(a: DescribedSource, b: DescribedSource): number {
  return b.cves.length - a.cves.length || (a.source < b.source ? -1 : a.source > b.source ? 1 : 0);
}
