import type { LockedDeb } from '../../deb/package.ts';
import { nameOf } from '../../deb/package.ts';
import { listRefs } from '../../ostree/refs.ts';
import type { BuildEnvironment } from '../stage.ts';
import { findDamage, mayBeDamage, refsOf } from './damage.ts';
import { DamagedInputs } from './soundness.ts';

type Place = Pick<BuildEnvironment, 'toolbox' | 'repo' | 'progress' | 'signal'>;

/** The prefix of the stages' refs. */
const stages = 'lockstep';

/**
 * Does the work of a build. When it fails, or finds that it used what is damaged, looks for damaged objects; where there are
 * any, takes them back with the debs that hold them, and does the work again, which imports those anew: once, as a disk that
 * goes on losing bits is no place for a build. Stages are made anew too, whichever they are: any may have copied what was wrong.
 */
export async function healing<T>(place: Place, packages: readonly LockedDeb[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (place.signal.aborted || !(error instanceof DamagedInputs || mayBeDamage(error))) throw error;
    if (!(await removeDamage(place, packages))) throw error;
    return await work();
  }
}

/** Removes what is damaged: the refs first, so that nothing names what is not there. Says whether anything was. */
async function removeDamage(place: Place, packages: readonly LockedDeb[]): Promise<boolean> {
  const { toolbox, repo, progress } = place;
  const ofStages = await listRefs(toolbox, repo, stages);
  const { refs, objects } = await findDamage(toolbox, repo, [...refsOf(packages), ...ofStages]);
  if (objects.size === 0) return false;
  const debs = packages.filter((deb) => refsOf([deb]).some((ref) => refs.has(ref)));
  const names = debs.length === 0 ? 'no deb' : debs.map(nameOf).join(', ');
  progress.note(
    `${objects.size} objects of the repository are damaged: imported anew is ${names}, and all stages are made anew`,
  );
  const remove = 'cd "$1" && xargs rm -rf --';
  const paths = [...[...refsOf(debs), stages].map((ref) => `refs/heads/${ref}`), ...[...objects].map(objectPath)];
  await toolbox.run(['sh', '-euc', remove, 'sh', repo], { input: paths.map((path) => `${path}\n`).join('') });
  return true;
}

function objectPath(object: string): string {
  return `objects/${object}`;
}
