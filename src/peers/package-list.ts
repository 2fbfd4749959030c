import type { Architecture } from '../config/types.ts';
import type { Draft } from './draft.ts';
import { PackageWords } from './package-words.ts';

/**
 * A list of packages: names in lines, as apt-get takes them, or what `dpkg --get-selections`, `dpkg -l` and `apt-mark
 * showmanual` print. `#` begins a comment. @param label what the list is called in notes
 */
export function draftOfList(
  text: string,
  label: string,
  { arch, suites }: { arch: Architecture; suites: string[] },
): Draft {
  const words = new PackageWords(arch);
  for (const [index, line] of text.split(/\r?\n/).entries()) readLine(line, `${label}:${index + 1}`, words);
  const { packages, exclude, pins, notes } = words;
  const image = { arch, suites, packages: packages.filter((name) => !exclude.includes(name)) };
  return {
    image: { ...image, ...(exclude.length > 0 ? { exclude } : {}), ...(pins.length > 0 ? { pins } : {}) },
    notes,
  };
}

function readLine(line: string, place: string, words: PackageWords): void {
  const fields = line.replace(/#.*/, '').split(/\s+/).filter(Boolean);
  if (fields.length === 0 || isDecoration(line)) return;
  const [first = '', second = ''] = fields;
  const isListed = fields.length >= 4 && /^[uirph][ncufhWti]R?$/.test(first);
  const isSelected = fields.length === 2 && /^(install|hold|deinstall|purge)$/.test(second);
  if (!isListed && !isSelected) {
    for (const word of fields) words.add(word, place);
    return;
  }
  const [name, state] = isListed ? [second, first] : [first, second];
  const gone = state === 'deinstall' || state === 'purge' || /^(.[nc]|[rp].)R?$/.test(state);
  if (gone) words.notes.push({ place, text: `${name} is not installed there, or is to go: left out` });
  else words.add(name, place);
  if (!gone && state.startsWith('h'))
    words.notes.push({ place, text: `${name} was on hold: write a pin with a reason` });
}

/** The head of `dpkg -l`. */
function isDecoration(line: string): boolean {
  return /^(Desired=|\| Status=|\|\|?\/ |\+\+\+-)/.test(line);
}
