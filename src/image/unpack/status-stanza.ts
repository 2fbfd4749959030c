import { formatRelations, parseRelations, type RelationField, relationFields } from '../../apt/choose/relations.ts';
import { type ControlFiles, conffilesOf } from './control-files.ts';

/** The fields that dpkg knows, in the order in which it writes them (lib/dpkg/parse.c, fieldinfos). */
const known = [
  'Package',
  'Essential',
  'Protected',
  'Status',
  'Priority',
  'Section',
  'Installed-Size',
  'Origin',
  'Maintainer',
  'Bugs',
  'Architecture',
  'Multi-Arch',
  'Source',
  'Version',
  ...relationFields,
  'Conffiles',
  'Description',
];

/** Fields of other files or of other states, which dpkg does not take over from a control file. */
const dropped = [
  'Config-Version',
  'Filename',
  'Size',
  'MD5sum',
  'MSDOS-Filename',
  'Triggers-Pending',
  'Triggers-Awaited',
];

const priorities = ['required', 'important', 'standard', 'optional', 'extra'];

/**
 * A package's stanza in the status file, byte for byte as `dpkg --unpack` writes it (lib/dpkg/dump.c), without the empty
 * line after it. `obsolete`: conffiles that another package of the image has taken over.
 */
export function statusStanza(entry: ControlFiles, obsolete: ReadonlySet<string> = new Set()): string {
  const fields = known.flatMap((name) => {
    const value = name === 'Conffiles' ? conffilesField(entry, obsolete) : fieldValue(entry, name);
    return value === '' ? [] : [`${name}:${value.startsWith('\n') ? '' : ' '}${value}\n`];
  });
  return [...fields, ...userDefined(entry)].join('');
}

/** The stanza of a package while its preinst script runs: dpkg knows little more of it than its name. */
export function begunStanza(entry: ControlFiles): string {
  const fields = ['Package', 'Status', 'Priority', 'Section', 'Architecture', 'Multi-Arch', 'Version'].map((name) => {
    const value = name === 'Status' ? 'install reinstreq half-installed' : fieldValue(entry, name);
    return value === '' ? '' : `${name}: ${value}\n`;
  });
  return fields.join('');
}

function fieldValue({ control }: ControlFiles, name: string): string {
  if (name === 'Status') return 'install ok unpacked';
  const value = control.get(name) ?? '';
  switch (name) {
    case 'Essential':
    case 'Protected':
      return value.toLowerCase() === 'yes' ? 'yes' : '';
    case 'Multi-Arch':
      return value.toLowerCase() === 'no' ? '' : value.toLowerCase();
    case 'Priority':
      return priorities.find((priority) => priority === value.toLowerCase()) ?? value;
    case 'Version':
      return withoutNoughtEpoch(value);
    default:
      return isRelation(name) ? relations(value) : value;
  }
}

const isRelation = (name: string): name is RelationField => (relationFields as readonly string[]).includes(name);

function relations(value: string): string {
  const parsed = parseRelations(value);
  for (const { version } of parsed.flat()) {
    if (version !== null) version.version = withoutNoughtEpoch(version.version);
  }
  return formatRelations(parsed);
}

/** The epoch 0 is not written, unless what follows would then be taken for another. */
function withoutNoughtEpoch(version: string): string {
  const [, rest] = /^0+:([^:]*)$/.exec(version) ?? [];
  return rest ?? version;
}

function conffilesField(entry: ControlFiles, obsolete: ReadonlySet<string>): string {
  const lines = conffilesOf(entry).map(({ path, remove }) => {
    const flags = `${obsolete.has(path) ? ' obsolete' : ''}${remove ? ' remove-on-upgrade' : ''}`;
    return `\n ${path} newconffile${flags}`;
  });
  return lines.join('');
}

/** Fields that dpkg does not know come last, as the control file has them. */
function userDefined({ control }: ControlFiles): string[] {
  const taken = new Set([...known, ...dropped].map((name) => name.toLowerCase()));
  const names = [...control.raw.matchAll(/^([!-9;-~]+):/gm)].map(([, name]) => name!);
  const others = names.filter((name) => !name.startsWith('#') && !taken.has(name.toLowerCase()));
  return others.map((name) => `${name}: ${control.get(name) ?? ''}\n`);
}
