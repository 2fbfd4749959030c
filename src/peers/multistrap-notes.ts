import type { Note } from './draft.ts';
import { isTrue, type Section, type Setting, settingOf } from './multistrap-file.ts';

/** Why a setting has no counterpart; null: it has one, or is what lockstep does anyway. */
type Verdict = (value: string) => string | null;

const carried: Verdict = () => null;
const unlessTrue =
  (why: string): Verdict =>
  (value) =>
    isTrue(value) ? null : why;
const ifTrue =
  (why: string): Verdict =>
  (value) =>
    isTrue(value) ? why : null;
const always =
  (why: string): Verdict =>
  (value) =>
    value === '' ? null : why;

const general: Record<string, Verdict> = {
  arch: carried,
  bootstrap: carried,
  debootstrap: carried,
  include: carried,
  allowrecommends: carried,
  omitrequired: carried,
  omitdebsrc: carried,
  noauth: ifTrue('signatures are checked always'),
  unpack: unlessTrue('packages are unpacked always'),
  cleanup: unlessTrue('an image keeps no downloaded debs'),
  addimportant: ifTrue('packages of the priority important are not taken by that: name those that you want'),
  explicitsuite: ifTrue('the newest version counts, from whichever suite; hold one back with a pin'),
  multiarch: always('an image has one architecture'),
  aptsources: always('an image has no sources for apt; put them there with an overlay'),
  retainsources: always('debs and their sources are not kept beside the image; the build repository keeps the debs'),
  aptpreferences: always('write pins: for what it holds back'),
  debconfseed: always('set the answers with a script at `run: {unpacked: […]}` and debconf-set-selections'),
  setupscript: always('it knows multistrap’s directory; what it does inside the root can be a script at `run:`'),
  configscript: always(
    'lockstep configures the packages itself; what else it does can be a script at `run: {configured: […]}`',
  ),
  hookdir: always('write the hooks anew as scripts at `run:`'),
  directory: always('what is built lies in .lockstep'),
  tarballname: always('an image is an ostree commit; `ostree export` makes a tar of it'),
  forcearch: always('lockstep knows how to run what is foreign'),
  ignorenativearch: always('lockstep knows how to run what is foreign'),
  markauto: always('an image keeps no marks of apt'),
};

const section: Record<string, Verdict> = {
  packages: carried,
  suite: carried,
  components: carried,
  omitdebsrc: carried,
  source: carried,
  keyring: carried,
  additional: always('its packages are not installed at once: name those that you want'),
  reinstall: always('packages are configured once, with all others there'),
};

export function generalNotes({ settings }: Section): Note[] {
  return settings.flatMap((setting) => notesOn(setting, general[setting.key]));
}

/** @param archive of the image; null: the section is of another repository. */
export function sectionNotes(of: Section, archive: { mirror: string | undefined } | null): Note[] {
  if (archive === null) return [otherRepository(of)];
  return [...of.settings.flatMap((setting) => notesOn(setting, section[setting.key])), ...moved(of, archive.mirror)];
}

function notesOn(setting: Setting, verdict: Verdict | undefined): Note[] {
  const { key, value, place } = setting;
  const why = verdict === undefined ? 'it is not known' : verdict(value);
  return why === null ? [] : [{ place, text: `${key}=${value} is left out: ${why}` }];
}

function otherRepository(of: Section): Note {
  const components = settingOf(of, 'components') ?? 'main';
  const list = (text: string) => `[${text.split(/\s+/).filter(Boolean).join(', ')}]`;
  const entry = `{url: "${settingOf(of, 'source') ?? ''}", suites: ${list(settingOf(of, 'suite') ?? '')}, components: ${list(components)}, keyring: FILE}`;
  const packages = settingOf(of, 'packages');
  const lost = packages === undefined ? '' : `; its packages are left out until then: ${packages}`;
  return {
    place: of.place,
    text: `section ${of.title} is signed by ${settingOf(of, 'keyring')}: write its key to a FILE and \`sources: [${entry}]\`${lost}`,
  };
}

/** An image has one mirror; the security suites are looked for beside it. */
function moved(of: Section, mirror: string | undefined): Note[] {
  const source = of.settings.findLast(({ key }) => key === 'source');
  const url = source?.value.replace(/\/+$/, '');
  if (source === undefined || url === mirror || mirror === undefined) return [];
  const beside = mirror.replace(/\/debian$/, '/debian-security');
  const isSecurity = /-security$|\/updates$/.test(settingOf(of, 'suite') ?? '');
  const now = isSecurity ? beside : mirror;
  if (url === now) return [];
  return [{ place: source.place, text: `${settingOf(of, 'suite')} is taken from ${now}, not from ${url}` }];
}
