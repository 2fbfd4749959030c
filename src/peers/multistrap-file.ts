/** A line `key=value` of a multistrap configuration. */
export interface Setting {
  key: string;
  value: string;
  /** `multistrap.conf:7` */
  place: string;
}

export interface Section {
  /** In lower case, as multistrap compares it. */
  name: string;
  /** As written. */
  title: string;
  place: string;
  settings: Setting[];
}

/** Lines that are neither sections, settings, comments nor empty. */
export interface MultistrapFile {
  sections: Section[];
  strange: { place: string; line: string }[];
}

/** Reads the INI file of multistrap(1): a key may come several times, names and keys in any case. */
export function parseMultistrap(text: string, label: string): MultistrapFile {
  const file: MultistrapFile = { sections: [], strange: [] };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const place = `${label}:${index + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const title = /^\[([^[\]]+)\]$/.exec(line)?.[1]?.trim();
    const equals = line.indexOf('=');
    const section = title === undefined ? file.sections.at(-1) : sectionOf(file, title, place);
    if (title !== undefined) continue;
    if (section === undefined || equals < 1) file.strange.push({ place, line });
    else
      section.settings.push({
        key: line.slice(0, equals).trim().toLowerCase(),
        value: line.slice(equals + 1).trim(),
        place,
      });
  }
  return file;
}

/** A section that comes again goes on. */
function sectionOf({ sections }: MultistrapFile, title: string, place: string): Section {
  const name = title.toLowerCase();
  const known = sections.findIndex((section) => section.name === name);
  const section = known === -1 ? { name, title, place, settings: [] } : sections.splice(known, 1)[0]!;
  sections.push(section);
  return section;
}

/** The last value of a key; undefined when it is not there. */
export function settingOf({ settings }: Section, key: string): string | undefined {
  return settings.findLast((setting) => setting.key === key)?.value;
}

/** The words of all values of a key. */
export function wordsOf({ settings }: Section, key: string): string[] {
  return settings.filter((setting) => setting.key === key).flatMap(({ value }) => value.split(/\s+/).filter(Boolean));
}

export function isTrue(value: string | undefined): boolean {
  return /^(true|yes|1)$/i.test(value ?? '');
}

/** A file and the one that it includes, whose settings come first: the last one counts. */
export function including(included: MultistrapFile, file: MultistrapFile): MultistrapFile {
  const merged: MultistrapFile = { sections: [], strange: [...included.strange, ...file.strange] };
  for (const { title, place, settings } of [...included.sections, ...file.sections]) {
    sectionOf(merged, title, place).settings.push(...settings);
  }
  return merged;
}
