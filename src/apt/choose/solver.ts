import path from 'node:path';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { ChosenDeb } from '../archive/index-stanzas.ts';
import type { LockedPackage } from '../lockfile/locked-package.ts';
import { runApt } from '../root/apt-run.ts';
import { nothingBut } from '../root/preferences.ts';
import type { PrivateRoot } from '../root/private-root.ts';
import { writeInRoot } from '../root/write-in-root.ts';

/** Versions by package. */
export type Versions = ReadonlyMap<string, string>;

/** All that apt said when it found no solution. */
export interface Failure {
  output: string;
}

/** What apt chose. */
export type Answer = { debs: ChosenDeb[] } | Failure;

/** Asks apt, in a private root whose indexes are there, what it would install under other preferences than the root's own. */
export class Solver {
  readonly #toolbox: Toolbox;
  readonly #root: PrivateRoot;
  readonly #wanted: readonly string[];

  /** @param wanted what an image asks apt for: packages, and patterns such as `?essential` */
  constructor(toolbox: Toolbox, root: PrivateRoot, wanted: readonly string[]) {
    this.#toolbox = toolbox;
    this.#root = root;
    this.#wanted = wanted;
  }

  /** What the image asks for and what that needs, for a system without any package. @param preferences apt_preferences(5) */
  async fresh(preferences: string): Promise<Answer> {
    return this.#chosen(this.#wanted, preferences);
  }

  /** As `fresh`, from nothing but the versions given. @param essential which of them are */
  async within(versions: Versions, essential: readonly string[]): Promise<Answer> {
    const named = this.#wanted.filter((word) => !word.startsWith('?'));
    const there = essential.filter((name) => versions.has(name));
    const all = [...versions].map(([name, version]) => ({ package: name, version }));
    return this.#chosen([...new Set([...there, ...named])], nothingBut(all));
  }

  /**
   * What a system that has the packages `installed` would have after `apt-get install`, or after `dist-upgrade` with
   * `all`: apt leaves alone what it does not have to touch, and keeps back what cannot be upgraded.
   */
  async installedOver(
    installed: readonly LockedPackage[],
    request: { install: readonly string[]; all: boolean; preferences: string },
  ): Promise<{ versions: Versions } | Failure> {
    const status = path.join(this.#root.dir, 'status.locked');
    await writeInRoot(this.#toolbox, this.#root, status, statusOf(installed));
    const verb = request.all ? 'dist-upgrade' : 'install';
    const argv = ['-o', `Dir::State::status=${status}`, '-s', '--allow-downgrades', verb, '--', ...request.install];
    const { exitCode, stdout, output } = await this.#ask(argv, request.preferences);
    return exitCode === 0 ? { versions: appliedTo(installed, stdout) } : { output };
  }

  async #chosen(wanted: readonly string[], preferences: string): Promise<Answer> {
    const { exitCode, stdout, output } = await this.#ask(['install', '--print-uris', '--', ...wanted], preferences);
    return exitCode === 0 ? { debs: chosenDebs(stdout) } : { output };
  }

  async #ask(argv: readonly string[], preferences: string) {
    const file = path.join(this.#root.dir, 'preferences.asked');
    await writeInRoot(this.#toolbox, this.#root, file, preferences);
    const command = ['apt-get', '-q', '-y', '-o', `Dir::Etc::preferences=${file}`, ...argv];
    return runApt(this.#toolbox, this.#root, command, { timeoutMs: 120_000 });
  }
}

/** `'URL' FILE SIZE SHA256:DIGEST`, a line for each deb, as many as apt says that it would install. */
function chosenDebs(output: string): ChosenDeb[] {
  const lines = output.matchAll(/^'([^']+)' \S+ \d+ SHA256:([0-9a-f]{64})$/gm);
  const debs = [...lines].map(([, url, sha256]) => ({ url: url!, sha256: sha256! }));
  const bare = /^'([^']+)' \S+ \d+ (?!SHA256:)/m.exec(output)?.[1];
  if (bare !== undefined) {
    throw new LockstepError('E_APT_BAD_INDEX', `an archive gives no sha256 of ${bare}`, {
      hint: 'tell whoever runs the archive: what lockstep pins, it pins by sha256',
    });
  }
  const announced =
    /^\d+ upgraded, (\d+) newly installed, /im.exec(output)?.[1] ?? /Installing: (\d+)/.exec(output)?.[1];
  if (debs.length > 0 && (announced === undefined || Number(announced) === debs.length)) return debs;
  throw new LockstepError('E_APT_FAILED', `apt would install ${announced} packages but names ${debs.length} debs`);
}

/** dpkg's status(5) of a system on which all these packages are installed. */
function statusOf(installed: readonly LockedPackage[]): string {
  return installed.map(({ fields }) => `${fields.raw}\nStatus: install ok installed\n\n`).join('');
}

/** `Inst NAME [OLD] (NEW …)` and `Remv NAME [OLD]` lines of a simulation. */
function appliedTo(installed: readonly LockedPackage[], simulation: string): Versions {
  const versions = new Map(installed.map((locked) => [locked.package, locked.version]));
  for (const [, name] of simulation.matchAll(/^(?:Remv|Purg) ([^\s:]+)/gm)) versions.delete(name!);
  for (const [, name, version] of simulation.matchAll(/^Inst ([^\s:]+)\S*(?: \[[^\]]*\])? \((\S+)/gm)) {
    versions.set(name!, version!);
  }
  return versions;
}
