import path from 'node:path';
import { isWithin } from '../../apt/choose/relations.ts';
import { LockstepError } from '../../errors/index.ts';
import { type ControlFiles, conffilesOf, field, nameOf, relationsOf, titleOf } from './control-files.ts';
import { type Claim, placeOf, type SharedPath } from './shared-paths.ts';

/** What a deb has at a path. */
export interface PathKind {
  kind: 'directory' | 'symlink' | 'other';
  /** Of a symbolic link. */
  target?: string;
}

/** Looks up what a package has at a path; called only for claims that have nothing below them. */
export type KindOf = (claim: Claim, path: string) => PathKind;

/** How dpkg settles the paths that more than one package has. */
export interface Settlement {
  /** Paths, as its list names them, that a package gives up, with the package that replaces it there. */
  replaced: Map<ControlFiles, Map<string, ControlFiles>>;
  /** Those of them that leave its list: all but what the other package calls by another name, which dpkg does not see. */
  elided: Map<ControlFiles, Set<string>>;
  /** Conffiles that are another package's now; they stay in the status as obsolete. */
  obsolete: Map<ControlFiles, Set<string>>;
  /** Paths that two packages may have only if a preinst script has diverted them by then. */
  diverted: { entry: ControlFiles; literal: string; other: ControlFiles }[];
  /** Packages to be unpacked after all others, since the order decides what is left at a path. */
  after: Set<ControlFiles>;
}

/**
 * Settles shared paths by dpkg's rules (src/main/archives.c, tarobject): directories are shared, a package that replaces
 * another takes its files, one that diverts them lets both be. `isDirectory` tells whether any package has a directory
 * at a path. Throws E_FILE_CONFLICT with both packages and the path for everything else.
 */
export function settle(
  shared: readonly SharedPath[],
  kindOf: KindOf,
  isDirectory: (path: string) => boolean,
): Settlement {
  const settlement: Settlement = {
    replaced: new Map(),
    elided: new Map(),
    obsolete: new Map(),
    diverted: [],
    after: new Set(),
  };
  const conflicts: string[] = [];
  for (const { path: where, claims } of shared) {
    const kinds = new Map(claims.map((claim) => [claim, claim.isParent ? directory : kindOf(claim, where)]));
    for (const [index, second] of claims.entries()) {
      for (const first of claims.slice(0, index)) {
        const pair = { where, first, second, kinds: [kinds.get(first)!, kinds.get(second)!] as const };
        const conflict = settlePair(pair, isDirectory, settlement);
        if (conflict !== null) conflicts.push(conflict);
      }
    }
  }
  if (conflicts.length > 0) throw fileConflict(conflicts);
  return settlement;
}

const directory: PathKind = { kind: 'directory' };

interface Pair {
  where: string;
  first: Claim;
  second: Claim;
  kinds: readonly [PathKind, PathKind];
}

/** Notes how the pair is settled; returns what is wrong when it cannot be. */
function settlePair(pair: Pair, isDirectory: (path: string) => boolean, settlement: Settlement): string | null {
  const { first, second, kinds } = pair;
  if (kinds.every(({ kind }) => kind === 'directory')) return null;
  if (leadToOneDirectory(pair, isDirectory)) {
    // A link and a directory: which of them stays depends on which comes first, so the link comes second.
    const link = kinds[0].kind === 'directory' ? second : kinds[1].kind === 'directory' ? first : null;
    if (link !== null) settlement.after.add(link.entry);
    return null;
  }
  if (kinds.some(({ kind }) => kind === 'directory')) return describe(pair, 'it is a directory in one of them alone');
  if (replaces(second.entry, first.entry)) giveUp(first, second, settlement);
  else if (replaces(first.entry, second.entry)) giveUp(second, first, settlement);
  else if ([first, second].some(diverts)) leaveToDiversion(first, second, settlement);
  else return describe(pair, 'neither replaces the other');
  return null;
}

/** Links to the same directory, or to one in the place of the directory that the other package has. */
function leadToOneDirectory({ where, kinds }: Pair, isDirectory: (path: string) => boolean): boolean {
  const targets = kinds.flatMap(({ target }) => (target === undefined ? [] : [resolve(where, target)]));
  const [target] = targets;
  if (target === undefined || kinds.some(({ kind }) => kind === 'other')) return false;
  return targets.every((other) => other === target) && isDirectory(target);
}

const diverts = ({ entry }: Claim) => /\bdpkg-divert\b/.test(entry.preinst ?? '');

function leaveToDiversion(first: Claim, second: Claim, { diverted, after }: Settlement): void {
  diverted.push({ entry: first.entry, literal: first.literal, other: second.entry });
  diverted.push({ entry: second.entry, literal: second.literal, other: first.entry });
  for (const claim of [first, second].filter(diverts)) after.add(claim.entry);
}

function giveUp(loser: Claim, winner: Claim, { replaced, elided, obsolete, after }: Settlement): void {
  replaced.set(loser.entry, (replaced.get(loser.entry) ?? new Map()).set(loser.literal, winner.entry));
  if (loser.literal === winner.literal) add(elided, loser.entry, loser.literal);
  after.add(winner.entry);
  const isConffile = ({ entry, literal }: Claim) => conffilesOf(entry).some((file) => file.path === literal);
  if (isConffile(loser) && isConffile(winner)) add(obsolete, loser.entry, loser.literal);
}

function add(to: Map<ControlFiles, Set<string>>, entry: ControlFiles, literal: string): void {
  to.set(entry, (to.get(entry) ?? new Set()).add(literal));
}

/** Whether a package has Replaces for another: by its name alone, not by what it provides. */
function replaces(entry: ControlFiles, other: ControlFiles): boolean {
  return relationsOf(entry, 'Replaces')
    .flat()
    .some(({ name, version }) => name === nameOf(other) && isWithin(field(other, 'Version'), version));
}

const resolve = (where: string, target: string) => placeOf(path.posix.resolve(path.posix.dirname(where), target));

function describe({ where, first, second }: Pair, why: string): string {
  const names = [first, second].filter(({ literal }) => literal !== where).map(({ literal }) => literal);
  const alias = names.length > 0 ? ` (also called ${readable(names[0]!)})` : '';
  return `${readable(where)}${alias} is in ${titleOf(first.entry)} and in ${titleOf(second.entry)}: ${why}`;
}

const readable = (latin1: string) => Buffer.from(latin1, 'latin1').toString('utf8');

/** E_FILE_CONFLICT for conflicts told in a sentence each. */
export function fileConflict(conflicts: readonly string[]): LockstepError {
  const listed = conflicts.slice(0, 10);
  const more = conflicts.length > listed.length ? [`and ${conflicts.length - listed.length} more`] : [];
  const message = conflicts.length === 1 ? conflicts[0] : ['', ...listed, ...more].join('\n  ');
  return new LockstepError('E_FILE_CONFLICT', `packages that dpkg would not unpack together: ${message}`, {
    hint: 'drop one of the packages; one of your own needs Replaces, or another path',
  });
}
