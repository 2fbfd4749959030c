/** One entry of a Debian changelog (Debian Policy, 4.4): what an upload of a source package changed. */
export interface ChangelogEntry {
  /** Source package; null when its heading cannot be read. */
  source: string | null;
  version: string | null;
  distributions: string[];
  /** In lower case, as written: low, medium, high, critical, emergency. */
  urgency: string | null;
  /** A rebuild of the same source (binNMU). */
  binaryOnly: boolean;
  /** `Name <mail@host>`; null when the trailer is missing or cannot be read. */
  maintainer: string | null;
  /** As written: `Mon, 24 Feb 2025 10:15:00 +0100`. */
  date: string | null;
  /** The lines of details, indented as they were, without the blank ones around them. */
  changes: string;
}

export interface Changelog {
  /** The newest first, as they stand. */
  entries: ChangelogEntry[];
  /** What does not follow the format, at most {@link mostProblems}. */
  problems: ChangelogProblem[];
}

export interface ChangelogProblem {
  /** Counted from 1. */
  line: number;
  message: string;
}

const mostProblems = 20;

/** Headings and trailers are short: what is longer is text, and needs not be looked at closely. */
const longestHeading = 1000;

/**
 * Reads a changelog as dpkg-parsechangelog(1) does: what is malformed is told and passed over, nothing throws. Takes time in
 * proportion to the text.
 */
export function parseChangelog(text: string): Changelog {
  const reader = new Reader();
  for (let start = 0, line = 1; start < text.length && !reader.done; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    reader.line(text.slice(start, end).replace(/\r$/, ''), line);
    start = end + 1;
  }
  return reader.end();
}

class Reader {
  /** What follows is of an editor or of a format older than this one. */
  done = false;
  readonly #entries: ChangelogEntry[] = [];
  readonly #problems: ChangelogProblem[] = [];
  #entry: ChangelogEntry | null = null;
  #closed = true;
  #changes: string[] = [];
  #blank = 0;

  line(line: string, number: number): void {
    if (line.trim() === '') {
      this.#blank += 1;
      return;
    }
    if (isIndented(line)) {
      this.#indented(line, number);
      return;
    }
    const heading = parseHeading(line);
    if (heading !== null) this.#open(heading);
    else if (endsChangelog.test(line)) this.done = true;
    else if (!comment.test(line)) this.#problem(number, 'neither a heading nor indented');
  }

  end(): Changelog {
    this.#finish();
    return { entries: this.#entries, problems: this.#problems };
  }

  #indented(line: string, number: number): void {
    if (line.startsWith(' --')) {
      const trailer = parseTrailer(line);
      if (trailer === null) this.#problem(number, 'a trailer that is not " -- Name <mail>  date"');
      else if (this.#entry === null) this.#problem(number, 'a trailer without an entry');
      else {
        Object.assign(this.#entry, trailer);
        this.#closed = true;
      }
      return;
    }
    if (this.#closed) {
      this.#problem(number, 'details without a heading');
      this.#open(unknown);
    }
    for (; this.#blank > 0; this.#blank--) if (this.#changes.length > 0) this.#changes.push('');
    this.#changes.push(line.trimEnd());
  }

  #open(heading: Heading): void {
    this.#finish();
    this.#entry = { ...heading, maintainer: null, date: null, changes: '' };
    this.#closed = false;
    this.#blank = 0;
  }

  #finish(): void {
    if (this.#entry !== null) this.#entries.push({ ...this.#entry, changes: this.#changes.join('\n') });
    this.#entry = null;
    this.#closed = true;
    this.#changes = [];
  }

  #problem(line: number, message: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push({ line, message });
  }
}

type Heading = Omit<ChangelogEntry, 'maintainer' | 'date' | 'changes'>;

const unknown: Heading = { source: null, version: null, distributions: [], urgency: null, binaryOnly: false };

/** What dpkg passes over: keywords of RCS, comments in two styles. */
const comment = /^(?:\$\w+:.*\$|# |\/\*.*\*\/)/;

/** Settings of editors, and headings of the formats before 1996; nothing behind them is of this format. */
const endsChangelog = new RegExp(
  [
    /(?:;;\s*)?Local variables:|vim:/,
    /Old Changelog:|Changes from version \S|Changes for \S/,
    /[a-z]{3}\s+[a-z]{3}\s+\d{1,2},?\s+\d/,
    /\w[-+0-9a-z.]* \([^() \t]+\);?\s*$/,
  ]
    .map(({ source }) => `^(?:${source})`)
    .join('|'),
  'i',
);

const isIndented = (line: string) => line.startsWith(' ') || line.startsWith('\t');

/** `name (version) distribution…; key=value, …` */
function parseHeading(line: string): Heading | null {
  if (line.length > longestHeading) return null;
  const [, source, version, distributions = '', rest = ''] = headingShape.exec(line) ?? [];
  if (source === undefined || version === undefined) return null;
  const pairs = rest.split(',').map((pair) =>
    pair
      .trim()
      .split('=', 2)
      .map((word) => word.trim()),
  );
  const values = new Map(pairs.map(([key = '', value = '']) => [key.toLowerCase(), value.toLowerCase()]));
  return {
    source,
    version,
    distributions: distributions.trim().split(/\s+/),
    urgency: values.get('urgency')?.replace(/\s.*/s, '') || null,
    binaryOnly: values.get('binary-only') === 'yes',
  };
}

const headingShape = /^(\w[-+0-9a-z.]*) \(([^() \t]+)\)((?:\s+[-+0-9a-z.]+)+);(.*)$/i;

/** ` -- Name <mail@host>  date`, cut by hand: a pattern would go back and forth in a line of many brackets. */
function parseTrailer(line: string): Pick<ChangelogEntry, 'maintainer' | 'date'> | null {
  if (line.length > longestHeading || !line.startsWith(' -- ')) return null;
  const close = line.lastIndexOf('>');
  const open = line.lastIndexOf(' <', close);
  const date = line.slice(close + 1);
  if (open < 3 || !/^ {1,2}\S/.test(date) || !dateShape.test(date.trim())) return null;
  return { maintainer: line.slice(4, close + 1).trim(), date: date.trim() };
}

const dateShape = /^(?:\w+,\s*)?\d{1,2}\s+\w+\s+\d{4}\s+\d{1,2}:\d\d:\d\d\s+[-+]\d{4}$/;
