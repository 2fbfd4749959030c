import { packageName } from '../config/debian-names.ts';
import type { Note, PinDraft } from './draft.ts';

/** Packages as apt and dpkg write them, gathered from some place after the other. */
export class PackageWords {
  readonly packages: string[] = [];
  readonly exclude: string[] = [];
  readonly pins: PinDraft[] = [];
  readonly notes: Note[] = [];
  readonly #arch: string;

  constructor(arch: string) {
    this.#arch = arch;
  }

  /** `name`, `name=version`, `name/suite`, `name:arch`, and `name-` for one that is not wanted (apt-get(8)). */
  add(word: string, place: string): void {
    const text = this.#take(word, place);
    if (text !== null) this.notes.push({ place, text });
  }

  /** What there is to say of it; null: it was taken as it is. */
  #take(word: string, place: string): string | null {
    const [, start = '', arch, , version, suite] = /^([^:=/]*)(?::([^=/]*))?(=(.*)|\/(.*))?$/.exec(word) ?? [];
    const removed = start.endsWith('-');
    const name = removed ? start.slice(0, -1) : start;
    if (!packageName.safeParse(name).success) return `"${word.slice(0, 80)}" is no package: left out`;
    if (arch !== undefined && ![this.#arch, 'any', 'native', 'all'].includes(arch)) {
      return `${word} is for another architecture than ${this.#arch}: left out`;
    }
    addOnce(removed ? this.exclude : this.packages, name);
    if (suite !== undefined)
      return `${word}: no suite can be set for a package, it comes from whichever has the newest`;
    if (version === undefined || removed) return null;
    if (!/^[A-Za-z0-9.+:~*?-]+$/.test(version)) return `${word}: "${version}" is no version, the package is not pinned`;
    this.pins.push({ package: name, version, reason: `as in ${place}` });
    return null;
  }
}

function addOnce(list: string[], word: string): void {
  if (!list.includes(word)) list.push(word);
}
