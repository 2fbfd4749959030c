import type { Stanza } from '../apt/deb822.ts';

/** One package's control files, as far as the state of an unpacked root depends on them. */
export interface ControlFiles {
  /** The control file itself. */
  control: Stanza;
  /** The text of `conffiles` and `triggers`; empty when the package has none. */
  conffiles: string;
  triggers: string;
  hasPreinst: boolean;
}

/** A file under /var/lib/dpkg. */
export interface AdminFile {
  path: string;
  content: string;
}

/** What `dpkg --unpack` would have left behind beside the files themselves. */
export interface UnpackedState {
  admin: AdminFile[];
  /** Absolute paths that dpkg would have unpacked as `<path>.dpkg-new`, to be put in place when it configures. */
  conffiles: string[];
  /** The packages with a preinst script, in the order to run them. */
  preinsts: Preinst[];
  /** The essential packages and what they depend on: to be configured before all others, which need not depend on them. */
  essential: string[];
}

export interface Preinst {
  package: string;
  architecture: string;
  /** File name under /var/lib/dpkg/info. */
  script: string;
}

/**
 * The database of a root in which every package is unpacked and none configured, as dpkg itself writes it (dpkg(1),
 * deb-triggers(5); lib/dpkg/dump.c and src/main/unpack.c for the forms).
 */
export function unpackedState(packages: readonly ControlFiles[]): UnpackedState {
  const sorted = [...packages].sort((a, b) => compare(nameOf(a), nameOf(b)));
  return {
    admin: [
      { path: 'status', content: sorted.map(statusStanza).join('\n') },
      { path: 'info/format', content: '1\n' },
      { path: 'diversions', content: '' },
      { path: 'statoverride', content: '' },
      { path: 'available', content: '' },
      ...triggerFiles(sorted),
    ],
    conffiles: sorted.flatMap((entry) =>
      conffilesOf(entry)
        .filter(isInstalled)
        .map(({ path }) => path),
    ),
    preinsts: inPreinstOrder(sorted).map((entry) => ({
      package: nameOf(entry),
      architecture: field(entry, 'Architecture'),
      script: `${infoName(entry)}.preinst`,
    })),
    essential: closureOf(
      sorted.filter((entry) => field(entry, 'Essential') === 'yes'),
      sorted,
    ).map(infoName),
  };
}

/** The name of a package's files under info/: with the architecture where several may be installed side by side. */
export function infoName({ control }: Pick<ControlFiles, 'control'>): string {
  const name = control.get('Package') ?? '';
  return control.get('Multi-Arch') === 'same' ? `${name}:${control.get('Architecture')}` : name;
}

function statusStanza(entry: ControlFiles): string {
  const [first, ...rest] = entry.control.raw.split('\n').filter((line) => !line.startsWith('#'));
  const conffiles = conffilesOf(entry).map(
    ({ path, remove }) => ` ${path} newconffile${remove ? ' remove-on-upgrade' : ''}`,
  );
  const lines = [first, 'Status: install ok unpacked', ...rest];
  if (conffiles.length > 0) lines.push('Conffiles:', ...conffiles);
  return `${lines.join('\n')}\n`;
}

interface Conffile {
  path: string;
  /** Listed only so that an upgrade takes it away: the package does not hold it (deb-conffiles(5)). */
  remove: boolean;
}

function conffilesOf({ conffiles }: ControlFiles): Conffile[] {
  const lines = conffiles.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .map((line) => ({ path: line.replace(/^remove-on-upgrade /, ''), remove: line.startsWith('remove-on-upgrade ') }));
}

const isInstalled = (conffile: Conffile) => !conffile.remove;

/** `triggers/File` for interests in paths, `triggers/<name>` for named ones. */
function triggerFiles(packages: readonly ControlFiles[]): AdminFile[] {
  const paths: string[] = [];
  const named = new Map<string, string[]>();
  for (const entry of packages) {
    for (const { trigger, noAwait } of interestsOf(entry)) {
      const who = `${infoName(entry)}${noAwait ? '/noawait' : ''}`;
      if (trigger.startsWith('/')) paths.push(`${trigger} ${who}\n`);
      else named.set(trigger, [...(named.get(trigger) ?? []), `${who}\n`]);
    }
  }
  const files = [...named].map(([trigger, who]) => ({ path: `triggers/${trigger}`, content: who.join('') }));
  return [{ path: 'triggers/File', content: paths.join('') }, ...files];
}

function interestsOf({ triggers }: ControlFiles): { trigger: string; noAwait: boolean }[] {
  return triggers
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([directive]) => directive?.startsWith('interest'))
    .map(([directive, trigger]) => ({ trigger: trigger ?? '', noAwait: directive === 'interest-noawait' }));
}

/** Users and the root's own layout come first: other scripts rely on them as on the essential system. */
const first = ['base-passwd', 'base-files', 'dash', 'debconf'];

/** What a package pre-depends on runs before it, as dpkg would have it. */
function inPreinstOrder(packages: readonly ControlFiles[]): ControlFiles[] {
  const byName = new Map(packages.map((entry) => [nameOf(entry), entry]));
  const ordered = new Set<ControlFiles>();
  const visiting = new Set<ControlFiles>();
  const visit = (entry: ControlFiles) => {
    if (ordered.has(entry) || visiting.has(entry)) return;
    visiting.add(entry);
    for (const name of related(entry, 'Pre-Depends')) {
      const dependency = byName.get(name);
      if (dependency !== undefined) visit(dependency);
    }
    ordered.add(entry);
  };
  for (const name of first) {
    const entry = byName.get(name);
    if (entry !== undefined) visit(entry);
  }
  for (const entry of packages) visit(entry);
  return [...ordered].filter((entry) => entry.hasPreinst);
}

/** The given packages and all that they depend on, by name or as what another package provides. */
function closureOf(roots: readonly ControlFiles[], packages: readonly ControlFiles[]): ControlFiles[] {
  const found = new Set(roots);
  for (const entry of found) {
    const wanted = new Set([...related(entry, 'Pre-Depends'), ...related(entry, 'Depends')]);
    for (const candidate of packages) {
      if ([nameOf(candidate), ...related(candidate, 'Provides')].some((name) => wanted.has(name))) found.add(candidate);
    }
  }
  return [...found];
}

/** The names in a relation field, alternatives included. */
function related({ control }: ControlFiles, relation: 'Depends' | 'Pre-Depends' | 'Provides'): string[] {
  const relations = control.get(relation) ?? '';
  const names = relations.split(/[,|]/).map((alternative) => alternative.trim().split(/[\s(:]/)[0] ?? '');
  return names.filter((name) => name !== '');
}

const nameOf = (entry: ControlFiles) => field(entry, 'Package');
const field = ({ control }: ControlFiles, name: string) => control.get(name) ?? '';
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
