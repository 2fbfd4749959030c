import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

export interface CleanAptOptions {
  arch: string;
  /** sources.list(5), one-line style. */
  sources: readonly string[];
}

export interface Question {
  install: readonly string[];
  recommends?: boolean;
  /** apt_preferences(5). */
  preferences?: string;
}

/** apt in a root where nothing is installed, set up here without lockstep: what it says is what lockstep is held against. */
export class CleanApt {
  readonly #dir: string;
  readonly #options: string[];

  private constructor(dir: string, options: string[]) {
    this.#dir = dir;
    this.#options = options;
  }

  static async open({ arch, sources }: CleanAptOptions): Promise<CleanApt> {
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-clean-'));
    for (const sub of ['state/lists/partial', 'cache/archives/partial', 'etc/preferences.d', 'etc/apt.conf.d']) {
      await mkdir(path.join(dir, sub), { recursive: true });
    }
    await writeFile(path.join(dir, 'status'), '');
    await writeFile(path.join(dir, 'etc/sources.list'), sources.map((line) => `${line}\n`).join(''));
    const settings = {
      'Dir::Etc': `${dir}/etc`,
      'Dir::State': `${dir}/state`,
      'Dir::State::status': `${dir}/status`,
      'Dir::Cache': `${dir}/cache`,
      'APT::Architecture': arch,
      'APT::Architectures::': arch,
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::GzipIndexes': 'false',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await execa('apt-get', ['-q', ...options, 'update']);
    return new CleanApt(dir, options);
  }

  /** Directory of its indexes. */
  get lists(): string {
    return path.join(this.#dir, 'state/lists');
  }

  /**
   * `name version` of each package that `apt-get -s install` says would be new, sorted; null: it finds no solution. It
   * says so before it orders what it would do, which may fail where packages pre-depend on each other in circles.
   */
  async simulate({ install, recommends = false, preferences = '' }: Question): Promise<string[] | null> {
    await writeFile(path.join(this.#dir, 'etc/preferences'), preferences);
    const argv = ['-q', '-s', '-y', '-V', ...this.#options, '-o', `APT::Install-Recommends=${recommends}`, 'install'];
    const { stdout } = await execa('apt-get', [...argv, ...install], { reject: false });
    const count = /^0 upgraded, (\d+) newly installed, 0 to remove /m.exec(stdout)?.[1];
    if (count === undefined) return null;
    const list = /^The following NEW packages will be installed:\n((?: {3}.*\n)*)/m.exec(stdout)?.[1] ?? '';
    const names = [...list.matchAll(/^ {3}(\S+) \((\S+)\)$/gm)].map(([, name, version]) => `${name} ${version}`);
    if (names.length !== Number(count)) throw new Error(`apt names ${names.length} of ${count} packages:\n${stdout}`);
    return names.sort();
  }

  async close(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
