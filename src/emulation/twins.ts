import type { LockedPackage } from '../apt/lockfile/locked-package.ts';
import { provides } from '../apt/lockfile/locked-package.ts';
import { hotPackages, perl } from './hot-packages.ts';

/** A tool package of the image, with the packages whose twins it needs to run natively: itself and its libraries. */
export interface ToolPackage {
  name: string;
  needs: LockedPackage[];
}

/** The tool packages among those of an image, each with what has to come with it. */
export function toolPackages(packages: readonly LockedPackage[]): ToolPackage[] {
  const index = indexOf(packages);
  const compiledModules = packages.filter((locked) => isCompiled(locked) && hasPerlModules(locked));
  return packages
    .filter((locked) => isCompiled(locked) && hotPackages.includes(locked.package))
    .map((locked) => {
      const roots = locked.package === perl ? [locked, ...compiledModules] : [locked];
      return { name: locked.package, needs: withLibraries(roots, index) };
    });
}

function isCompiled({ architecture }: LockedPackage): boolean {
  return architecture !== 'all';
}

/** A native perl cannot load what was compiled for another architecture, so it needs these too. */
function hasPerlModules({ package: name, fields }: LockedPackage): boolean {
  return /^libperl5\./.test(name) || /\bperlapi-/.test(fields.get('Depends') ?? '');
}

type Index = Map<string, LockedPackage>;

function indexOf(packages: readonly LockedPackage[]): Index {
  const names = packages.flatMap((locked) =>
    [...provides(locked), locked.package].map((name) => [name, locked] as const),
  );
  return new Map(names);
}

/** The packages and, of what they depend on, the libraries: what is co-installable across architectures (Multi-Arch). */
function withLibraries(roots: readonly LockedPackage[], index: Index): LockedPackage[] {
  const found = new Set(roots);
  for (const locked of found) {
    for (const name of dependencies(locked)) {
      const candidate = index.get(name);
      if (candidate?.fields.get('Multi-Arch') === 'same') found.add(candidate);
    }
  }
  return [...found];
}

/** Every package named, alternatives and all; what is not in the image drops out. */
function dependencies({ fields }: LockedPackage): string[] {
  return ['Pre-Depends', 'Depends']
    .flatMap((field) => (fields.get(field) ?? '').split(/[,|]/))
    .map((entry) => entry.trim().replace(/[\s(:].*/s, ''))
    .filter((name) => name !== '');
}

/** What the archive offers of a package for the native architecture. */
export interface Offered {
  package: string;
  version: string;
}

export interface TwinChoice {
  /** `package=version`, sorted. */
  twins: string[];
  /** Tool packages that run natively. */
  tools: string[];
  /** Tool packages that stay emulated, for want of a twin of the package named. */
  emulated: { name: string; wants: string }[];
}

/**
 * Chooses the twin of each package: of the same version, or, where the archive has moved on, of the same upstream
 * version. A tool that lacks one stays emulated.
 */
export function chooseTwins(tools: readonly ToolPackage[], offered: readonly Offered[]): TwinChoice {
  const twinOf = (locked: LockedPackage): Offered | undefined => {
    const same = offered.filter((candidate) => candidate.package === locked.package);
    return (
      same.find(({ version }) => version === locked.version) ??
      same.find(({ version }) => upstream(version) === upstream(locked.version))
    );
  };
  const choice: TwinChoice = { twins: [], tools: [], emulated: [] };
  const twins = new Set<string>();
  for (const { name, needs } of tools) {
    const lacking = needs.find((locked) => twinOf(locked) === undefined);
    if (lacking !== undefined) {
      choice.emulated.push({ name, wants: `${lacking.package} ${lacking.version}` });
      continue;
    }
    choice.tools.push(name);
    for (const locked of needs) twins.add(`${locked.package}=${twinOf(locked)!.version}`);
  }
  choice.twins = [...twins].sort();
  return choice;
}

/** Without epoch, Debian revision and the suffix of a binary-only rebuild (deb-version(7)). */
function upstream(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}
