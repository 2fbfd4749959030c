import type { LockedPackage } from '../lockfile/locked-package.ts';
import { isWithin, parseRelations, type Relation } from './relations.ts';

/** Relations that must hold for each package of a set. */
const needs = ['Pre-Depends', 'Depends'] as const;
const excludes = ['Breaks', 'Conflicts'] as const;

/** A choice of relations of which no member is there. */
export interface Unmet {
  by: LockedPackage;
  choice: Relation[];
}

/** Two packages of which one says that the other must not be there. */
export interface Clash {
  by: LockedPackage;
  field: (typeof excludes)[number];
  relation: Relation;
  other: LockedPackage;
}

/** Packages by what relations call them: their names and what they provide (deb-control(5)). */
export class PackageSet {
  readonly packages: readonly LockedPackage[];
  readonly #called = new Map<string, { locked: LockedPackage; version: string | null }[]>();

  constructor(packages: readonly LockedPackage[]) {
    this.packages = packages;
    for (const locked of packages) {
      this.#call(locked.package, locked, locked.version);
      for (const { name, version } of parseRelations(locked.fields.get('Provides')).flat()) {
        this.#call(name, locked, version?.version ?? null);
      }
    }
  }

  /** The packages that a relation speaks of. What is provided without a version fulfils no bound. */
  matching({ name, version }: Relation): LockedPackage[] {
    const called = this.#called.get(name) ?? [];
    const within = called.filter(
      (each) => version === null || (each.version !== null && isWithin(each.version, version)),
    );
    return [...new Set(within.map(({ locked }) => locked))];
  }

  /** What the packages depend on that is not there, in their order. */
  unmet(): Unmet[] {
    return this.packages.flatMap((by) =>
      needs
        .flatMap((field) => parseRelations(by.fields.get(field)))
        .filter((choice) => choice.length > 0 && !choice.some((relation) => this.matching(relation).length > 0))
        .map((choice) => ({ by, choice })),
    );
  }

  /** The pairs that exclude each other. A package may conflict with what it provides itself. */
  clashes(): Clash[] {
    return this.packages.flatMap((by) =>
      excludes.flatMap((field) =>
        parseRelations(by.fields.get(field))
          .flat()
          .flatMap((relation) =>
            this.matching(relation)
              .filter((other) => other !== by)
              .map((other) => ({ by, field, relation, other })),
          ),
      ),
    );
  }

  #call(name: string, locked: LockedPackage, version: string | null): void {
    const known = this.#called.get(name);
    if (known === undefined) this.#called.set(name, [{ locked, version }]);
    else known.push({ locked, version });
  }
}
