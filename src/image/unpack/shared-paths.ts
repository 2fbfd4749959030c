import { isMergedDirectory, mergeUsr } from '../../deb/paths.ts';
import type { ControlFiles } from './control-files.ts';

/** A package's claim to a path that others claim too. */
export interface Claim {
  entry: ControlFiles;
  /** As the package's own list names it: `/bin/sh` where the path is `/usr/bin/sh`. */
  literal: string;
  /** The package has something below it. */
  isParent: boolean;
}

/** A path of the merged root with all packages that claim it: two at least, of which one has nothing below it. */
export interface SharedPath {
  path: string;
  claims: Claim[];
}

/**
 * The paths on which packages may disagree: all but those that are plainly directories in each. The lists name no kinds,
 * so empty directories are among them. `directories` are all paths that have something below them.
 */
export function sharedPaths(packages: readonly ControlFiles[]): { disputed: SharedPath[]; directories: Set<string> } {
  const trees = packages.map((entry) => ({ entry, ...treeOf(entry) }));
  const leaves = new Set<string>();
  const directories = new Set<string>();
  const once = new Set<string>();
  const shared = new Set<string>();
  for (const { literals, parents } of trees) {
    for (const path of new Set([...literals.keys(), ...parents])) {
      if (once.has(path)) shared.add(path);
      else once.add(path);
      if (parents.has(path)) directories.add(path);
      else leaves.add(path);
    }
  }
  const paths = [...shared].filter((path) => leaves.has(path)).sort();
  const disputed = paths.map((path) => ({ path, claims: trees.flatMap((tree) => claimsOf(tree, path)) }));
  return { disputed, directories };
}

interface Tree {
  entry: ControlFiles;
  /** The package's own name of each path. */
  literals: Map<string, string>;
  /** Every directory that has something in it, named by the list or not. */
  parents: Set<string>;
}

function treeOf({ list }: ControlFiles): Pick<Tree, 'literals' | 'parents'> {
  const literals = new Map<string, string>();
  const parents = new Set<string>();
  for (const literal of list) {
    if (literal === '/.') continue;
    const path = placeOf(literal);
    literals.set(path, literal);
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return { literals, parents };
}

function claimsOf({ entry, literals, parents }: Tree, path: string): Claim[] {
  const isParent = parents.has(path);
  if (!isParent && !literals.has(path)) return [];
  return [{ entry, literal: literals.get(path) ?? path, isParent }];
}

/** Where a path lies on a merged system. What a package has as `/bin` is `/usr/bin`, a directory whatever the deb says. */
export function placeOf(literal: string): string {
  const components = literal.slice(1).split('/');
  return isMergedDirectory(components.slice(0, 1)) ? `/${mergeUsr(components).join('/')}` : literal;
}

/** Whether a path is one of the top-level directories that are links into /usr, by the name that a list gives it. */
export function isMergedLink(literal: string): boolean {
  return isMergedDirectory(literal.slice(1).split('/'));
}
