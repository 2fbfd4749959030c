import type { ImageConfig } from '../../config/types.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { coolDown, type YoungVersion } from '../age/cooldown.ts';
import { type AgeOptions, ageQuestions } from '../age/young-versions.ts';
import type { ChosenDeb } from '../archive/index-stanzas.ts';
import type { IndexFile } from '../archive/index-targets.ts';
import { Offered } from '../archive/offered.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';
import { runApt } from '../root/apt-run.ts';
import { preferences, refusal, unless, type VersionOf } from '../root/preferences.ts';
import type { PrivateRoot } from '../root/private-root.ts';
import { explainUnsolvable } from './explain-unsolvable.ts';
import { type Answer, Solver } from './solver.ts';
import { noPackage, unknownPackages } from './unknown-package.ts';
import { solveAlone } from './update-alone.ts';
import { wantedOf } from './wanted.ts';

/** An image whose debs are to be chosen, in a private root whose indexes are there. */
export interface Choosing {
  toolbox: Toolbox;
  root: PrivateRoot;
  image: ImageConfig;
  /** Debs of the project's own. */
  local: readonly LockedPackage[];
  indexes: readonly IndexFile[];
  /** What the present lockfile pins; nothing where there is none. */
  locked: readonly LockedPackage[];
  /** The packages to bring up to date, all others staying as they are locked; none: all are. */
  only: readonly string[];
  age: AgeOptions;
}

export interface Chosen {
  debs: ChosenDeb[];
  /** Versions that are to be taken once they are old enough. */
  waiting: YoungVersion[];
  /** Versions that were taken before that, as there is no solution without them. */
  early: YoungVersion[];
}

/** What apt chooses, within pins, holds and ages. Throws E_APT_NO_PACKAGE, E_APT_UNSOLVABLE, E_APT_FAILED, E_INTERRUPTED. */
export async function chooseDebs(choosing: Choosing): Promise<Chosen> {
  const { toolbox, root, image, local, indexes, only } = choosing;
  const solver = new Solver(toolbox, root, wantedOf(image, local));
  const files = indexes.map(({ file }) => file);
  const search: Search = { ...choosing, solver, offered: new Offered(toolbox, root, files) };
  const solve = only.length > 0 ? solveAlone : solveAnew;
  const first = await solve(search, preferencesOf(search));
  if (!('debs' in first)) throw await failure(search, first.output);
  if (image.minimumAge === 0) return { debs: first.debs, waiting: [], early: [] };
  const without = async (not: readonly VersionOf[], kept: readonly VersionOf[]) => {
    const pinned = image.pins.filter((pin) => not.some((each) => each.package === pin.package));
    const asked = unless(not, kept) + preferencesOf(search) + refusal(pinned);
    const answer = await solve(search, asked);
    const final = 'debs' in answer || only.length > 0 || search.locked.length === 0;
    return final ? answer : solveAlone(search, asked, { all: true });
  };
  return coolDown({ first: first.debs, ...ageQuestions(search, first.debs, without) });
}

/** With what is asked again and again. */
export interface Search extends Choosing {
  solver: Solver;
  offered: Offered;
}

function solveAnew({ solver }: Search, asked: string): Promise<Answer> {
  return solver.fresh(asked);
}

function preferencesOf({ image, local, root }: Search): string {
  return preferences(image.pins, local.length > 0, { ...image, sources: root.sources });
}

async function failure(search: Search, output: string): Promise<Error> {
  const { toolbox, root, image } = search;
  const unknown = unknownPackages(output);
  if (unknown.length === 0) return explainUnsolvable(search, output);
  const names = await runApt(toolbox, root, ['apt-cache', 'pkgnames'], { timeoutMs: 60_000 });
  return noPackage(image.name, unknown, names.stdout.split('\n'));
}
