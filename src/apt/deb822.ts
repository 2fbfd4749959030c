/**
 * Stanzas of Debian control data (deb822(5)), read without losing a byte: a stanza keeps the text it was read from, and
 * writing it puts that text back.
 */
export class Stanza {
  /** The stanza as it was read, without the newline that ends its last line. */
  readonly raw: string;
  /** Line of its first field in the text it came from, counted from 1. */
  readonly line: number;
  readonly #fields: Map<string, string>;

  constructor(raw: string, line = 1) {
    this.raw = raw;
    this.line = line;
    this.#fields = fieldsOf(raw, line);
  }

  /** Value of a field, its name in any case; continuation lines are joined by newlines, each with its leading space. */
  get(name: string): string | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  /** Names of its fields, in lower case. */
  names(): string[] {
    return [...this.#fields.keys()];
  }
}

/** A text that is not deb822; whoever knows the file's name turns it into an error for the user. */
export class Deb822Error extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = 'Deb822Error';
    this.line = line;
  }
}

/**
 * Cuts text that arrives in pieces into stanzas, so that an index of any size is read with the memory of one stanza.
 * `push` returns the stanzas that a piece completed, `end` the last one.
 */
export class StanzaCutter {
  #rest = '';
  #lines: string[] = [];
  /** Number of the next line, and of the first line of the stanza at hand. */
  #number: number;
  #first = 1;

  /** @param firstLine number of the text's first line, when it is cut out of a file */
  constructor(firstLine = 1) {
    this.#number = firstLine;
  }

  push(text: string): Stanza[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  end(): Stanza[] {
    const last = this.#rest;
    this.#rest = '';
    return last === '' ? this.#flush() : [...this.#line(last), ...this.#flush()];
  }

  #line(line: string): Stanza[] {
    const number = this.#number++;
    // A line of blanks parts stanzas too (deb822(5)).
    if (/^[ \t\r]*$/.test(line)) return this.#flush();
    if (this.#lines.length === 0) this.#first = number;
    this.#lines.push(line);
    return [];
  }

  #flush(): Stanza[] {
    if (this.#lines.length === 0) return [];
    const raw = this.#lines.join('\n');
    this.#lines = [];
    return [new Stanza(raw, this.#first)];
  }
}

/** All stanzas of a text. Throws {@link Deb822Error}. */
export function parseStanzas(text: string, firstLine = 1): Stanza[] {
  const cutter = new StanzaCutter(firstLine);
  return [...cutter.push(text), ...cutter.end()];
}

/** The text of an index: each stanza as it was read, an empty line after each. */
export function formatStanzas(stanzas: readonly Stanza[]): string {
  return stanzas.map((stanza) => `${stanza.raw}\n\n`).join('');
}

function fieldsOf(raw: string, firstLine: number): Map<string, string> {
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const [index, line] of raw.split('\n').entries()) {
    const at = firstLine + index;
    if (line.startsWith('#')) continue;
    if (/^[ \t]/.test(line)) {
      if (last === undefined) throw new Deb822Error(at, 'a continuation line without a field before it');
      fields.set(last, `${fields.get(last)}\n${line}`);
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (colon === -1 || !/^[!-~]+$/.test(name)) {
      throw new Deb822Error(at, `expected "Field: value", found "${line.slice(0, 60)}"`);
    }
    last = name.toLowerCase();
    if (fields.has(last)) throw new Deb822Error(at, `the field ${name} is there twice`);
    fields.set(last, withoutBlanks(line, colon + 1));
  }
  return fields;
}

/** By hand: an expression that ends with blanks takes the square of their number when they do not end the line. */
function withoutBlanks(line: string, start: number): string {
  let [from, to] = [start, line.length];
  while (from < to && ' \t\r'.includes(line[from]!)) from += 1;
  while (to > from && ' \t\r'.includes(line[to - 1]!)) to -= 1;
  return line.slice(from, to);
}
