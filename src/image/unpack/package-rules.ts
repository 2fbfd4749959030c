import { formatRelation, isWithin, type Relation } from '../../apt/choose/relations.ts';
import { nameOf as debTitle, type LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { type ControlFiles, field, nameOf, relationsOf, titleOf } from './control-files.ts';

/** As many problems as a message lists: one often brings a hundred others. */
const listed = 10;

/**
 * Refuses debs that cannot lie in one root for their names alone: E_PACKAGE_CONFLICT for two of one name,
 * E_PACKAGE_ARCHITECTURE for another architecture than the image's.
 */
export function refuseUnfit(debs: readonly LockedDeb[], architecture: string): void {
  const byName = new Map<string, LockedDeb>();
  for (const deb of debs) {
    const other = byName.get(deb.package);
    byName.set(deb.package, deb);
    if (other !== undefined) {
      throw new LockstepError(
        'E_PACKAGE_CONFLICT',
        `${deb.package} is there twice: ${debTitle(other)} and ${debTitle(deb)}`,
        {
          hint: 'an image has one version of a package: drop one of them',
        },
      );
    }
    if (deb.architecture !== architecture && deb.architecture !== 'all') {
      throw new LockstepError(
        'E_PACKAGE_ARCHITECTURE',
        `${debTitle(deb)} is not for ${architecture}, as the image is`,
        {
          hint: 'take the package that is built for the architecture of the image, or correct `arch:`',
        },
      );
    }
  }
}

/**
 * Refuses packages that dpkg would not let into one root: E_PACKAGE_CONFLICT for Conflicts and Breaks, E_DEPENDS_UNMET
 * for Depends and Pre-Depends that no package of the set fulfils (lib/dpkg/depcon.c, src/main/depcon.c).
 */
export function refuseUnruly(packages: readonly ControlFiles[]): void {
  const set = new PackageSet(packages);
  const conflicts = packages.flatMap((entry) => conflictsOf(entry, set));
  if (conflicts.length > 0) {
    throw new LockstepError('E_PACKAGE_CONFLICT', `packages that exclude each other: ${several(conflicts)}`, {
      hint: 'drop one of the two packages, or pin versions that bear each other',
    });
  }
  const unmet = packages.flatMap((entry) => unmetOf(entry, set));
  if (unmet.length > 0) {
    throw new LockstepError('E_DEPENDS_UNMET', `dependencies that no package fulfils: ${several(unmet)}`, {
      hint: 'run `lockstep update`, which lets apt add what is missing',
    });
  }
}

function several(problems: readonly string[]): string {
  if (problems.length === 1) return problems[0] ?? '';
  const more = problems.length > listed ? [`and ${problems.length - listed} more`] : [];
  return ['', ...problems.slice(0, listed), ...more].join('\n  ');
}

function conflictsOf(entry: ControlFiles, set: PackageSet): string[] {
  return (['Conflicts', 'Breaks'] as const).flatMap((name) =>
    relationsOf(entry, name)
      .flat()
      .flatMap((relation) =>
        set
          .matching(relation)
          .filter((other) => other !== entry)
          .map((other) => `${titleOf(entry)} has ${name}: ${formatRelation(relation)}, and there is ${titleOf(other)}`),
      ),
  );
}

function unmetOf(entry: ControlFiles, set: PackageSet): string[] {
  return (['Pre-Depends', 'Depends'] as const).flatMap((name) =>
    relationsOf(entry, name)
      .filter((choice) => !choice.some((relation) => set.fulfils(relation, field(entry, 'Architecture'))))
      .map((choice) => `${titleOf(entry)} has ${name}: ${choice.map(formatRelation).join(' | ')}`),
  );
}

/** Packages by what relations call them: their names and what they provide. */
export class PackageSet {
  readonly #named = new Map<string, ControlFiles>();
  readonly #provided = new Map<string, { entry: ControlFiles; version: string | null }[]>();

  constructor(packages: readonly ControlFiles[]) {
    for (const entry of packages) {
      this.#named.set(nameOf(entry), entry);
      for (const { name, version } of relationsOf(entry, 'Provides').flat()) {
        const known = this.#provided.get(name) ?? [];
        this.#provided.set(name, [...known, { entry, version: version?.version ?? null }]);
      }
    }
  }

  get(name: string): ControlFiles | undefined {
    return this.#named.get(name);
  }

  /** The packages that a relation speaks of. What is provided without a version fulfils no bound. */
  matching({ name, version }: Relation): ControlFiles[] {
    const real = this.#named.get(name);
    const found = new Set<ControlFiles>();
    if (real !== undefined && isWithin(field(real, 'Version'), version)) found.add(real);
    for (const provided of this.#provided.get(name) ?? []) {
      if (version === null || (provided.version !== null && isWithin(provided.version, version)))
        found.add(provided.entry);
    }
    return [...found];
  }

  /** As `matching`, for a dependency of a package of this architecture: `:any` asks for what says that it allows that. */
  fulfils(relation: Relation, architecture: string): boolean {
    return this.matching(relation).some((entry) => {
      if (relation.architecture === null) return true;
      if (relation.architecture === 'any') return nameOf(entry) !== relation.name || isAllowed(entry);
      const own = field(entry, 'Architecture');
      return own === relation.architecture || (own === 'all' && relation.architecture === architecture);
    });
  }
}

const isAllowed = (entry: ControlFiles) => field(entry, 'Multi-Arch') === 'allowed';
