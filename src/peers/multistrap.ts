import { type Architecture, architectures } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import type { Draft, Note } from './draft.ts';
import { isTrue, type MultistrapFile, type Section, settingOf, wordsOf } from './multistrap-file.ts';
import { generalNotes, sectionNotes } from './multistrap-notes.ts';
import { PackageWords } from './package-words.ts';

/**
 * The image that a multistrap configuration describes. Sections that Debian's own keyring signs become suites of the archive;
 * another repository needs a keyring file, which multistrap does not name. Throws E_USAGE when it has no architecture that
 * lockstep knows, no suite, or no package.
 */
export function draftOfMultistrap(file: MultistrapFile, label: string, wanted?: Architecture): Draft {
  const general = file.sections.find(({ name }) => name === 'general') ?? none;
  const arch = architectureOf(general, label, wanted);
  const notes: Note[] = file.strange.map(({ place, line }) => ({
    place,
    text: `not understood: ${line.slice(0, 80)}`,
  }));
  notes.push(...generalNotes(general));
  const sections = bootstrapped(file, general, label, notes);
  const own = sections.filter(isDebian);
  const mirror = settingOf(own[0] ?? none, 'source')?.replace(/\/+$/, '');
  const words = new PackageWords(arch);
  for (const section of sections) {
    notes.push(...sectionNotes(section, isDebian(section) ? { mirror } : null));
    if (!isDebian(section)) continue;
    for (const { key, value, place } of section.settings) {
      if (key === 'packages') for (const word of value.split(/\s+/).filter(Boolean)) words.add(word, place);
    }
  }
  const suites = unique(own.map((section) => settingOf(section, 'suite') ?? ''));
  if (suites.length === 0) throw unusable(label, 'no section of Debian’s own archive is bootstrapped');
  if (words.packages.length === 0) throw unusable(label, 'no bootstrapped section names a package');
  const components = unique(own.flatMap((section) => wordsOf(section, 'components')));
  const { packages, exclude, pins } = words;
  return {
    image: {
      arch,
      suites,
      ...(components.length > 0 && components.join() !== 'main' ? { components } : {}),
      ...(mirror !== undefined && /^https?:/.test(mirror) ? { mirror } : {}),
      packages: packages.filter((name) => !exclude.includes(name)),
      // Without the required packages multistrap installs what is named, and what that needs.
      ...(isTrue(settingOf(general, 'omitrequired')) ? { base: packages.slice(0, 1) } : {}),
      ...(isTrue(settingOf(general, 'allowrecommends')) ? { recommends: true } : {}),
      ...(exclude.length > 0 ? { exclude } : {}),
      ...(pins.length > 0 ? { pins } : {}),
    },
    notes: inOrder([...notes, ...words.notes]),
  };
}

const none: Section = { name: '', title: '', place: '', settings: [] };

function architectureOf(general: Section, label: string, wanted?: Architecture): Architecture {
  const said = wanted ?? settingOf(general, 'arch');
  const known = architectures.find((arch) => arch === said);
  if (known !== undefined) return known;
  const why = said === undefined ? 'names no architecture' : `is for ${said}, which lockstep does not build for`;
  throw new LockstepError('E_USAGE', `${label} ${why}`, { hint: `name one with --arch: ${architectures.join(', ')}` });
}

/** The sections that `bootstrap=` names, or `debootstrap=`, as it was called before; all where neither does. */
function bootstrapped({ sections }: MultistrapFile, general: Section, label: string, notes: Note[]): Section[] {
  const rest = sections.filter((section) => section !== general);
  const named = [...wordsOf(general, 'bootstrap'), ...wordsOf(general, 'debootstrap')].map((name) =>
    name.toLowerCase(),
  );
  if (named.length === 0) return rest.filter((section) => settingOf(section, 'suite') !== undefined);
  for (const section of rest.filter(({ name }) => !named.includes(name))) {
    notes.push({ place: section.place, text: `section ${section.title} is not bootstrapped: left out` });
  }
  return unique(named).flatMap((name) => {
    const section = rest.find((each) => each.name === name);
    if (section !== undefined && settingOf(section, 'suite') !== undefined) return [section];
    notes.push({ place: section?.place ?? label, text: `section ${name} is bootstrapped, and has no suite: left out` });
    return [];
  });
}

/** multistrap names the package that has the keyring. */
function isDebian(section: Section): boolean {
  return wordsOf(section, 'keyring').every((name) => name === 'debian-archive-keyring');
}

function unusable(label: string, why: string): LockstepError {
  return new LockstepError('E_USAGE', `${label} describes no image that lockstep could build: ${why}`);
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

/** As the lines of the files are; the files as they come. */
function inOrder(notes: Note[]): Note[] {
  const line = ({ place }: Note) => Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
  const file = ({ place }: Note) => place.replace(/:\d+$/, '');
  const files = unique(notes.map(file));
  return notes.sort((a, b) => files.indexOf(file(a)) - files.indexOf(file(b)) || line(a) - line(b));
}
