import { writeLockfile } from '../../apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../../config/types.ts';
import { textIfThere } from '../../files/if-there.ts';
import type { BuildEnvironment, StageResult } from '../stage.ts';
import { assignIds, formatIdentities, type Identity, parseIdentities } from './identity-lock.ts';
import { renumber } from './renumber.ts';

type LockFiles = Pick<ImageConfig, 'passwd' | 'group'>;

/**
 * The numbers of an image's users and groups, kept beside its lockfile: maintainer scripts hand them out in the order in
 * which they happen to run, but files on devices (/var, /etc) carry them from one image to the next.
 */
export class Identities {
  readonly #files: LockFiles;
  #users: Identity[];
  #groups: Identity[];
  readonly #added = new Set<string>();

  private constructor(files: LockFiles, users: Identity[], groups: Identity[]) {
    this.#files = files;
    this.#users = users;
    this.#groups = groups;
  }

  /** Reads the locks; one that is not there is empty. Throws E_LOCK_SYNTAX. */
  static async read(files: LockFiles): Promise<Identities> {
    return new Identities(files, await readLock(files.passwd), await readLock(files.group));
  }

  /** The tree with the numbers of the locks, renumbered where scripts gave others. What is new joins the locks. */
  async settle(build: BuildEnvironment, tree: StageResult): Promise<StageResult> {
    const { passwd, group } = await identityFilesOf(build, tree.commit);
    const groups = assignIds(this.#groups, parseIdentities(group, 'group of the image'), this.#files.group);
    const users = assignIds(this.#users, parseIdentities(passwd, 'passwd of the image'), this.#files.passwd);
    const added = new Set(users.added);
    this.#groups = groups.lock;
    // A new user's line names its group by the number that the image had for it.
    this.#users = users.lock.map((entry) =>
      added.has(entry.name) ? { ...entry, line: formatIdentities([entry], groups.map).trimEnd() } : entry,
    );
    for (const name of [...users.added, ...groups.added]) this.#added.add(name);
    return renumber(build, tree, users.map, groups.map);
  }

  /** Writes the locks whole or not at all, and only what changed; says so. Throws E_LOCK_WRITE, E_DISK_FULL. */
  async save({ progress }: Pick<BuildEnvironment, 'progress'>): Promise<void> {
    for (const [file, lock] of [
      [this.#files.passwd, this.#users],
      [this.#files.group, this.#groups],
    ] as const) {
      if (lock.length === 0 || !(await writeLockfile(file, formatIdentities(lock)))) continue;
      const names = lock.map(({ name }) => name).filter((name) => this.#added.has(name));
      const shown = names.length > 5 ? `${names.length} names` : names.join(', ');
      progress.note(`wrote ${file}${shown === '' ? '' : `: ${shown} added`}; commit it, so that the numbers stay`);
    }
  }
}

async function readLock(file: string): Promise<Identity[]> {
  const text = (await textIfThere(file)) ?? '';
  return parseIdentities(text, file);
}

const mark = '\n@@\n';

async function identityFilesOf({ toolbox, repo }: BuildEnvironment, commit: string) {
  const script = 'for name in passwd group; do ostree --repo="$1" cat "$2" /etc/$name || true; printf "\\n@@\\n"; done';
  const { stdout } = await toolbox.run(['sh', '-c', script, 'sh', repo, commit]);
  const [passwd = '', group = ''] = stdout.split(mark);
  return { passwd, group };
}
