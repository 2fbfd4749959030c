import type { LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import type { BuildEnvironment } from '../stage.ts';
import { type Damage, findDamage, refsOf } from './damage.ts';

/** Thrown when a build has used what is damaged. */
export class DamagedInputs extends LockstepError {
  constructor({ objects }: Damage, repo: string) {
    super('E_REPO', `${objects.size} objects of the ostree repository ${repo} are missing or damaged`, {
      hint: 'the disk or its file system is at fault; the repository can be deleted: the next build makes it anew',
    });
  }
}

/** The stages that read the debs themselves. */
const readingDebs = ['merge', 'configure'];

/**
 * Looks whether what a build uses of earlier builds is still what it was: a disk can lose bits, and a file can be edited
 * through a hard link. It reads while the stages run, which leave a processor idle most of the time; ostree itself reads
 * nothing again. Where nothing is made, nothing is read.
 */
export class Soundness {
  readonly #build: Pick<BuildEnvironment, 'toolbox' | 'repo'>;
  readonly #debs: readonly LockedDeb[];
  readonly #reused: string[] = [];
  readonly #searches: Promise<Damage>[] = [];

  /** @param debs those that may be there from earlier builds */
  constructor(build: Pick<BuildEnvironment, 'toolbox' | 'repo'>, debs: readonly LockedDeb[]) {
    this.#build = build;
    this.#debs = debs;
  }

  /** A stage's result was there. */
  reused(ref: string): void {
    this.#reused.push(ref);
    if (this.#searches.length > 0) this.#lookAt([ref]);
  }

  /** A stage begins to make its result. */
  making(stage: string): void {
    const refs = readingDebs.includes(stage) ? refsOf(this.#debs) : this.#reused;
    if (this.#searches.length === 0 && refs.length > 0) this.#lookAt(refs);
  }

  #lookAt(refs: readonly string[]): void {
    const search = findDamage(this.#build.toolbox, this.#build.repo, refs);
    // Whoever waits for it hears of its failure; a build that fails before need not.
    search.catch(() => {});
    this.#searches.push(search);
  }

  /** Waits for the reading to end. Throws DamagedInputs. */
  async settle(): Promise<void> {
    for (const damage of await Promise.all(this.#searches)) {
      if (damage.objects.size > 0) throw new DamagedInputs(damage, this.#build.repo);
    }
  }
}
