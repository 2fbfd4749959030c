import type { DescribedChanges, DescribedSource } from './described.ts';
import { formatChange } from './diff.ts';
import { printable } from './harmless.ts';
import { amountOf, entryLines, packagesOf, summaryOf } from './phrases.ts';

/** Lines of a source's changelog; `--json` has all. */
const mostLines = 120;

/** What two sets of packages differ in, for a terminal. @param title the image, or what else is compared */
export function changesText(title: string, described: DescribedChanges): string {
  const lines = described.sources.flatMap((source) => sourceLines(source, described));
  return printable([`${title}: ${summaryOf(described)}`, ...lines].join('\n'));
}

/** How to have the changelogs that are not here; null when all are. */
export function missingNote(sources: readonly DescribedSource[]): string | null {
  const count = sources.filter(isFetchable).length;
  if (count === 0) return null;
  const subject = count === 1 ? 'the changelog of 1 source is' : `the changelogs of ${count} sources are`;
  return `${subject} not here: \`lockstep diff --fetch\` imports the debs that hold them, as a build would`;
}

const isFetchable = ({ changelog, fetchable }: DescribedSource) => changelog === 'not-here' && fetchable;

function sourceLines(source: DescribedSource, described: DescribedChanges): string[] {
  const packages = packagesOf(source, described);
  const amount = amountOf(source);
  const entries = source.entries.flatMap(entryLines);
  const more = entries.length - mostLines;
  return [
    `  ${formatChange({ ...source, package: source.source })}${packages === '' ? '' : `: ${packages}`}`,
    ...(amount.length === 0 ? [] : [`    ${amount.join('; ')}`]),
    ...entries.slice(0, more > 1 ? mostLines : entries.length).map((line) => `      ${line}`.trimEnd()),
    ...(more > 1 ? [`      … ${more} more lines, which \`--json\` has`] : []),
    ...(source.note === null || isFetchable(source) ? [] : [`    ${source.note}`]),
  ];
}
