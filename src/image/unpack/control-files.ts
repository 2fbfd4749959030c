import { parseRelations, type Relation, type RelationField } from '../../apt/choose/relations.ts';
import type { Stanza } from '../../apt/deb822.ts';

/** One package's control files, as far as the state of an unpacked root depends on them. */
export interface ControlFiles {
  /** The control file itself. */
  control: Stanza;
  /** The text of `conffiles` and `triggers`; empty when the package has none. */
  conffiles: string;
  triggers: string;
  /** The paths of the deb in its order, as dpkg lists them: the root is `/.`, nothing is moved below /usr. */
  list: readonly string[];
  /** The text of the preinst script, null when the package has none. */
  preinst: string | null;
  hasPostinst: boolean;
}

/** The name of a package's files under info/: with the architecture where several may be installed side by side. */
export function infoName(entry: Pick<ControlFiles, 'control'>): string {
  return field(entry, 'Multi-Arch') === 'same' ? `${nameOf(entry)}:${field(entry, 'Architecture')}` : nameOf(entry);
}

export const nameOf = (entry: Pick<ControlFiles, 'control'>) => field(entry, 'Package');

/** As messages name a package: `libc6 2.36-9 armhf`. */
export const titleOf = (entry: Pick<ControlFiles, 'control'>) =>
  `${nameOf(entry)} ${field(entry, 'Version')} ${field(entry, 'Architecture')}`;

/** The value of a field, empty when it is not there. */
export function field({ control }: Pick<ControlFiles, 'control'>, name: string): string {
  return control.get(name) ?? '';
}

export function relationsOf({ control }: Pick<ControlFiles, 'control'>, name: RelationField): Relation[][] {
  return parseRelations(control.get(name));
}

export interface Conffile {
  path: string;
  /** Listed only so that an upgrade takes it away: the package does not hold it (deb-conffiles(5)). */
  remove: boolean;
}

export function conffilesOf({ conffiles }: Pick<ControlFiles, 'conffiles'>): Conffile[] {
  const lines = conffiles.split('\n').map((line) => line.trimEnd());
  return lines
    .filter((line) => line !== '')
    .map((line) => ({ path: line.replace(/^remove-on-upgrade /, ''), remove: line.startsWith('remove-on-upgrade ') }));
}
