import { parseRelations } from '../apt/choose/relations.ts';
import { parseStanzas, type Stanza } from '../apt/deb822.ts';
import { parseInstalled } from '../device/installed.ts';

/** A package that a status file of dpkg calls installed. */
export interface InstalledPackage {
  name: string;
  version: string;
  architecture: string;
  essential: boolean;
  /** `hold` is what was wanted of it. */
  isHeld: boolean;
  /** Names that it goes by for others: its own and those that it provides. */
  names: string[];
  /** Names of what it depends on, of which it needs one of each choice. */
  needs: string[];
}

/** @param status text of dpkg's status file. Throws {@link Deb822Error}. */
export function installedIn(status: string): InstalledPackage[] {
  return parseStanzas(status)
    .filter((stanza) => parseInstalled(stanza.raw, '').length > 0)
    .map(installedPackage);
}

function installedPackage(stanza: Stanza): InstalledPackage {
  const name = stanza.get('Package') ?? '';
  const related = (field: string) =>
    parseRelations(stanza.get(field))
      .flat()
      .map((relation) => relation.name);
  return {
    name,
    version: stanza.get('Version') ?? '',
    architecture: stanza.get('Architecture') ?? '',
    essential: stanza.get('Essential') === 'yes',
    isHeld: /^hold\s/.test(stanza.get('Status') ?? ''),
    names: [name, ...related('Provides')],
    needs: [...related('Pre-Depends'), ...related('Depends')],
  };
}

/**
 * What somebody must have asked for: what is neither essential, nor noted as installed for others, nor needed by others. Of
 * packages that need each other alone, none is left; whoever resolves sees which are missing.
 */
export function wantedOf(installed: readonly InstalledPackage[], automatic: ReadonlySet<string> | null): string[] {
  const needed = new Set(installed.flatMap(({ needs, names }) => needs.filter((name) => !names.includes(name))));
  const wanted = installed
    .filter(({ name, essential }) => !essential && !automatic?.has(name))
    .filter(({ names }) => !names.some((name) => needed.has(name)))
    .map(({ name }) => name);
  return [...new Set(wanted.length > 0 ? wanted : installed.map(({ name }) => name))].sort();
}
