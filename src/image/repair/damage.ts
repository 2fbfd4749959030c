import type { LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { holdingsOf } from '../../ostree/holdings.ts';
import { objectName } from '../../ostree/objects.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { controlRef, dataRef } from '../import/import-deb.ts';
import { damagedFiles } from './damaged-files.ts';

/** What is wrong with refs of a bare repository. */
export interface Damage {
  /** Refs that hold an object which is missing or not what its name says. */
  refs: Set<string>;
  /** Those objects, by their names below `objects`. */
  objects: Set<string>;
}

/**
 * Reads all that refs hold: what `ostree fsck` would find, but of these refs alone, however much else the repository holds. A
 * ref that is not there is not damaged.
 */
export async function findDamage(toolbox: Toolbox, repo: string, refs: readonly string[]): Promise<Damage> {
  const holdings = await holdingsOf(repo, refs);
  const all = new Set([...holdings.values()].flatMap(({ files }) => [...files]));
  const damaged = await damagedFiles(toolbox, repo, all);
  const found: Damage = { refs: new Set(), objects: new Set() };
  for (const [ref, { files, broken }] of holdings) {
    const ofFiles = [...files].filter((file) => damaged.has(file)).map((file) => objectName(file, 'file'));
    for (const object of [...ofFiles, ...broken]) found.objects.add(object);
    if (ofFiles.length + broken.size > 0) found.refs.add(ref);
  }
  return found;
}

/** The refs of debs that are imported. */
export function refsOf(debs: readonly LockedDeb[]): string[] {
  return debs.flatMap((deb) => [controlRef(deb), dataRef(deb)]);
}

/** Failures that a damaged object can be behind: those of ostree, and of programs that run from the tree. */
const codes = /^E_(TOOL_FAILED|MERGE|CONFIGURE|RUN|INITRAMFS)$/;

/** Whether it is worth to look for damage after a failure. */
export function mayBeDamage(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof LockstepError && codes.test(error.code));
}
