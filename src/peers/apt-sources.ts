import { Deb822Error, parseStanzas } from '../apt/deb822.ts';

/** A line or stanza of apt's sources (sources.list(5)), those for source packages and disabled ones left out. */
export interface AptSource {
  place: string;
  url: string;
  suites: string[];
  components: string[];
  /** `Signed-By`; null: whatever apt trusts. */
  signedBy: string | null;
}

/** Reads a file of sources, of either format by its name. What cannot be read is passed over: apt has complained of it. */
export function parseAptSources(text: string, file: string): AptSource[] {
  return file.endsWith('.sources') ? stanzasIn(text, file) : linesIn(text, file);
}

function linesIn(text: string, file: string): AptSource[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const [, , options = '', url, suite, rest = ''] =
      /^\s*deb\s+(\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line) ?? [];
    if (url === undefined || suite === undefined) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1] ?? null;
    return [{ place: `${file}:${index + 1}`, url, suites: [suite], components: wordsIn(rest), signedBy }];
  });
}

function stanzasIn(text: string, file: string): AptSource[] {
  return readable(text).flatMap((stanza) => {
    const words = (field: string) => wordsIn(stanza.get(field) ?? '');
    if (!words('Types').includes('deb') || /^(no|false|0)$/i.test(stanza.get('Enabled') ?? '')) return [];
    const said = { suites: words('Suites'), components: words('Components') };
    const signedBy = words('Signed-By').join(' ') || null;
    return words('URIs').map((url) => ({ place: `${file}:${stanza.line}`, url, ...said, signedBy }));
  });
}

function readable(text: string) {
  try {
    return parseStanzas(text);
  } catch (error) {
    if (error instanceof Deb822Error) return [];
    throw error;
  }
}

function wordsIn(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
