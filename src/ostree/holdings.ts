import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { checksumOf, type MetadataKind, objectName, type SubtreeObjects } from './objects.ts';
import { readDirTree, rootOfCommit } from './read-objects.ts';

/** Metadata objects read at once. */
const readsAtOnce = 16;

/** What a ref or a directory holds. */
export interface Holding {
  /** Checksums of its content objects, which were not looked at. */
  files: ReadonlySet<string>;
  /** Names of its metadata objects that are missing or not what they say; what is below them is not known. */
  broken: ReadonlySet<string>;
}

/** What each of `refs` holds. A ref that is not there holds nothing. */
export async function holdingsOf(repo: string, refs: readonly string[]): Promise<Map<string, Holding>> {
  const walk = new Walk(repo);
  const holdings = await Promise.all(refs.map(async (ref) => [ref, await walk.ref(ref)] as const));
  return new Map(holdings);
}

/** Reads metadata objects, each once; Node can, as they are readable for all. */
class Walk {
  readonly #repo: string;
  readonly #limit = pLimit(readsAtOnce);
  readonly #known = new Map<string, Promise<Holding>>();
  readonly #metas = new Map<string, Promise<Buffer | null>>();

  constructor(repo: string) {
    this.#repo = repo;
  }

  async ref(ref: string): Promise<Holding> {
    const file = path.join(this.#repo, 'refs/heads', ref);
    const commit = await this.#limit(() => readFile(file, 'latin1').catch(() => null));
    if (commit === null) return union([]);
    const checksum = commit.trim();
    const bytes = /^[0-9a-f]{64}$/.test(checksum) ? await this.#read(checksum, 'commit') : null;
    return bytes === null ? broken(checksum, 'commit') : this.#directory(rootOfCommit(bytes));
  }

  #directory(objects: SubtreeObjects): Promise<Holding> {
    const key = `${objects.tree}${objects.meta}`;
    const known = this.#known.get(key) ?? this.#readDirectory(objects);
    this.#known.set(key, known);
    return known;
  }

  async #readDirectory({ tree, meta }: SubtreeObjects): Promise<Holding> {
    const knownMeta = this.#metas.get(meta) ?? this.#read(meta, 'dirmeta');
    this.#metas.set(meta, knownMeta);
    const parts = (await knownMeta) === null ? [broken(meta, 'dirmeta')] : [];
    const bytes = await this.#read(tree, 'dirtree');
    if (bytes === null) return union([...parts, broken(tree, 'dirtree')]);
    const { files, directories } = readDirTree(bytes);
    const below = await Promise.all(directories.map((directory) => this.#directory(directory)));
    return union([...parts, ...below, { files: new Set(files), broken: new Set() }]);
  }

  /** An object's bytes, or null when they are not there or not those of the checksum. */
  async #read(checksum: string, kind: MetadataKind): Promise<Buffer | null> {
    const file = path.join(this.#repo, 'objects', objectName(checksum, kind));
    const bytes = await this.#limit(() => readFile(file).catch(() => null));
    return bytes !== null && checksumOf(bytes) === checksum ? bytes : null;
  }
}

function broken(checksum: string, kind: MetadataKind): Holding {
  return { files: new Set(), broken: new Set([objectName(checksum, kind)]) };
}

function union(holdings: readonly Holding[]): Holding {
  return {
    files: new Set(holdings.flatMap(({ files }) => [...files])),
    broken: new Set(holdings.flatMap((holding) => [...holding.broken])),
  };
}
