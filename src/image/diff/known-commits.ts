import { nearest } from '../../config/nearest.ts';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { readCommitMetadata } from '../../ostree/commit-metadata.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';

/** A commit that was named. */
export interface NamedCommit {
  /** As it was named. */
  name: string;
  commit: string;
  /** null: its metadata have none. */
  version: string | null;
}

/** All refs of a repository but those of single debs, with their commits. */
export async function refCommits(toolbox: Toolbox, repo: string): Promise<Map<string, string>> {
  const script =
    '[ -d "$1/refs/heads" ] || exit 0; cd "$1/refs/heads"; grep -r --exclude-dir=dpkg "" . || [ $? -eq 1 ]';
  const { stdout } = await toolbox.run(['sh', '-c', script, 'sh', repo]);
  const lines = stdout.split('\n').map((line) => /^\.\/(.+):([0-9a-f]{64})$/.exec(line));
  return new Map(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])));
}

/** Finds the commits that names stand for: of an image, a ref, a checksum or its beginning, or a version. */
export class KnownCommits {
  readonly #repo: string;
  readonly #refs: ReadonlyMap<string, string>;
  readonly #images: readonly Pick<ImageConfig, 'name' | 'arch'>[];

  constructor(repo: string, refs: ReadonlyMap<string, string>, images: readonly Pick<ImageConfig, 'name' | 'arch'>[]) {
    this.#repo = repo;
    this.#refs = refs;
    this.#images = images;
  }

  /** Throws E_NO_SUCH_COMMIT when there is none or more than one. */
  async find(name: string): Promise<NamedCommit> {
    const image = this.#images.find((each) => each.name === name);
    if (image !== undefined && !this.#refs.has(`${image.name}/${image.arch}`)) {
      throw new LockstepError('E_NOT_BUILT', `image ${name} has no commit yet`, { hint: 'run `lockstep build`' });
    }
    const byRef = this.#refs.get(image === undefined ? name : `${image.name}/${image.arch}`);
    const found = byRef === undefined ? await this.#byChecksumOrVersion(name) : [byRef];
    const [commit, ...others] = found;
    if (commit === undefined) throw await this.#unknown(name);
    if (others.length > 0) {
      throw new LockstepError('E_NO_SUCH_COMMIT', `${name} stands for ${found.length} commits: ${found.join(', ')}`, {
        hint: 'name one of them by its checksum',
      });
    }
    const metadata = await readCommitMetadata(this.#repo, commit);
    return { name, commit, version: metadata?.get('version') ?? null };
  }

  async #byChecksumOrVersion(name: string): Promise<string[]> {
    if (/^[0-9a-f]{64}$/.test(name) && (await readCommitMetadata(this.#repo, name)) !== null) return [name];
    const commits = [...new Set(this.#refs.values())];
    const begun = /^[0-9a-f]{7,63}$/.test(name) ? commits.filter((commit) => commit.startsWith(name)) : [];
    if (begun.length > 0) return begun;
    const versions = await this.#versions();
    return [...versions].filter(([, version]) => version === name).map(([commit]) => commit);
  }

  /** Of all commits that a build has finished. */
  async #versions(): Promise<Map<string, string>> {
    const versions = new Map<string, string>();
    for (const commit of new Set(this.#refs.values())) {
      const version = (await readCommitMetadata(this.#repo, commit))?.get('version');
      if (version !== undefined) versions.set(commit, version);
    }
    return versions;
  }

  async #unknown(name: string): Promise<LockstepError> {
    const images = this.#images.map((image) => image.name);
    const refs = [...this.#refs.keys()].filter((ref) => !ref.startsWith('lockstep/'));
    const known = [...new Set([...images, ...refs, ...(await this.#versions()).values()])];
    const meant = nearest(name, known);
    const hint =
      meant === null ? `it has: ${known.join(', ') || 'nothing; run `lockstep build`'}` : `did you mean ${meant}?`;
    const message = `${name} is no image, ref, commit or version in ${this.#repo}`;
    return new LockstepError('E_NO_SUCH_COMMIT', message, { hint });
  }
}
