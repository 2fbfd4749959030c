import { formatChange } from '../../apt/changes/diff.ts';
import type { FileChange } from '../../image/diff/file-changes.ts';
import type { NamedCommit } from '../../image/diff/known-commits.ts';
import { formatBytes } from '../../progress/format.ts';
import type { ComparedCommits } from './images.ts';

/** A heading and its lines; the first word of a line stands for what became of the thing. */
interface Section {
  title: string;
  lines: string[];
}

/** Files listed one by one; the others are counted, and `--json` has all. */
const listed = 40;

const signs = { added: '+', removed: '-', changed: '~' } as const;

/** For a terminal. */
export function diffText(compared: ComparedCommits, message: string): string {
  const sections = sectionsOf(compared).flatMap(({ title, lines }) => [
    `${title}:`,
    ...lines.map((line) => `  ${line}`),
  ]);
  return [headOf(compared), ...sections, message].join('\n');
}

/** For a merge request or a page. */
export function diffMarkdown(compared: ComparedCommits, message: string): string {
  const sections = sectionsOf(compared).map(({ title, lines }) => {
    return [`### ${title}`, '', '```', ...lines, '```', ''].join('\n');
  });
  return [`## ${headOf(compared)}`, '', `${message}.`, '', ...sections].join('\n').trimEnd();
}

function headOf({ a, b }: ComparedCommits): string {
  const named = ({ name, commit, version }: NamedCommit) => {
    const short = commit.slice(0, 12);
    const told = [short, version].filter((word) => word !== null && !name.includes(word));
    return told.length === 0 ? name : `${name} (${told.join(', ')})`;
  };
  return `${named(a)} -> ${named(b)}`;
}

function sectionsOf(compared: ComparedCommits): Section[] {
  const { packages, privileges, units, conffiles, files } = compared;
  const sections: Section[] = [
    { title: 'packages', lines: packages.map(formatChange) },
    {
      title: 'rights',
      lines: privileges.map(({ path, from, to, ...of }) => `${path}${by(of)}: ${from ?? 'none'} -> ${to ?? 'none'}`),
    },
    {
      title: 'units',
      lines: units.map(({ unit, manager, kind }) => `${signs[kind]} ${unit}${manager === 'user' ? ' (user)' : ''}`),
    },
    { title: 'conffiles', lines: conffiles.map(fileLine) },
    sizeSection(compared),
    fileSection(files, new Set(packages.map((change) => change.package))),
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

function sizeSection({ size, sizes }: ComparedCommits): Section {
  const lines = sizes.map(({ package: name, from, to }) => `${signed(to - from)} ${name ?? 'outside of packages'}`);
  return { title: `size, ${formatBytes(size.from)} -> ${formatBytes(size.to)}`, lines };
}

/** That the files of a changed package change is no news: they are counted, what else changed comes first. */
function fileSection(files: readonly FileChange[], changed: ReadonlySet<string>): Section {
  const expected = (change: FileChange) => change.package !== null && changed.has(change.package);
  const news = files.filter((change) => !expected(change));
  const left = Math.max(0, news.length - listed);
  const counted = [
    ...(left > 0 ? [`… ${left} more of these`] : []),
    ...(news.length < files.length ? [`… ${files.length - news.length} of the packages above`] : []),
  ];
  const lines = [...news.slice(0, listed).map(fileLine), ...counted];
  return { title: 'files', lines };
}

function fileLine(change: FileChange): string {
  const what = change.what.length === 0 || change.what.join() === 'content' ? '' : `: ${change.what.join(', ')}`;
  return `${signs[change.kind]} ${change.path}${by(change)}${what}`;
}

const by = ({ package: name }: { package: string | null }) => (name === null ? '' : ` (${name})`);

function signed(bytes: number): string {
  const size = Math.abs(bytes);
  const text = size < 1e3 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : formatBytes(size);
  return `${bytes < 0 ? '-' : '+'}${text}`;
}
