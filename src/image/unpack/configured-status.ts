import { parseStanzas, type Stanza } from '../../apt/deb822.ts';

/** Fields by which dpkg decides what it configures, and in which order; all others are for people. */
const decisive = ['Package', 'Essential', 'Protected', 'Status', 'Architecture', 'Multi-Arch', 'Conffiles'];
const relations = ['Provides', 'Depends', 'Pre-Depends', 'Breaks', 'Conflicts'];

/**
 * What a status file tells dpkg when it configures: the decisive fields, and the relations to other packages, in which the
 * version of a package of the file stands as `=`. Everything in it is fulfilled, or the set would have been refused.
 */
export function decisiveStatus(status: string): string {
  const stanzas = parseStanzas(status);
  const versions = new Map(stanzas.map((stanza) => [stanza.get('Package'), stanza.get('Version')]));
  const relation = (value: string) =>
    value.replaceAll(/([^\s,|:]+)(:\S+)? \(= ([^)]+)\)/g, (whole, name, _arch, version) =>
      version === versions.get(name) ? whole.replace(`(= ${version})`, '(= itself)') : whole,
    );
  return stanzas
    .map((stanza) => {
      const own = decisive.map((name) => `${name}: ${stanza.get(name) ?? ''}\n`);
      return [...own, ...relations.map((name) => `${name}: ${relation(stanza.get(name) ?? '')}\n`)].join('');
    })
    .join('\n');
}

/** Names of the packages whose stanzas are not the same in both; null when the files do not hold the same packages. */
export function changedPackages(before: string, now: string): string[] | null {
  const [old, recent] = [stanzasByName(before), stanzasByName(now)];
  if (old.size !== recent.size || [...recent.keys()].some((name) => !old.has(name))) return null;
  return [...recent].filter(([name, stanza]) => old.get(name)?.raw !== stanza.raw).map(([name]) => name);
}

/**
 * The status file that configuring would leave behind, from what it left of an earlier one: what it did to a stanza does
 * not depend on what differs, so each field that it left alone has its value of now. null when a stanza does not bear that.
 */
export function configuredAgain(unpackedBefore: string, configuredBefore: string, unpackedNow: string): string | null {
  const changed = new Set(changedPackages(unpackedBefore, unpackedNow));
  const [old, recent] = [stanzasByName(unpackedBefore), stanzasByName(unpackedNow)];
  const stanzas = parseStanzas(configuredBefore).map((configured) => {
    const name = configured.get('Package') ?? '';
    const [was, is] = [old.get(name), recent.get(name)];
    if (!changed.has(name)) return configured.raw;
    return was === undefined || is === undefined ? null : stanzaAgain(was, configured, is);
  });
  return stanzas.includes(null) ? null : stanzas.map((stanza) => `${stanza}\n\n`).join('');
}

function stanzaAgain(was: Stanza, configured: Stanza, is: Stanza): string | null {
  const names = fieldNames(configured);
  const untouched = (name: string) => configured.get(name) === was.get(name);
  // A field that comes or goes would need dpkg's order of fields.
  if (fieldNames(was).join() !== fieldNames(is).join()) return null;
  if (fieldNames(was).some((name) => !untouched(name) && was.get(name) !== is.get(name))) return null;
  const text = names.map((name) => {
    const value = (untouched(name) ? is : configured).get(name) ?? '';
    return `${name}:${value.startsWith('\n') ? '' : ' '}${value}`;
  });
  return text.join('\n');
}

const fieldNames = ({ raw }: Stanza) => [...raw.matchAll(/^([!-9;-~]+):/gm)].map(([, name]) => name!);

function stanzasByName(status: string): Map<string, Stanza> {
  return new Map(parseStanzas(status).map((stanza) => [stanza.get('Package') ?? '', stanza]));
}
