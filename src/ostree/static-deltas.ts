import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { newContent } from './new-content.ts';
import { objectName } from './objects.ts';
import { commitFile, detachedMetadataFile } from './signing.ts';

/** A static delta on the disk. */
export interface StaticDelta {
  from: string;
  to: string;
  /** Holds `superblock` and the parts `0`, `1`, … */
  dir: string;
  /** sha256 of the superblock. */
  superblock: string;
  /** Of all its files. */
  bytes: number;
}

/**
 * When a device is given a delta: `never`, `always` when there is a commit to start from, or `auto`, when it is also worth
 * the time that making it takes.
 */
export type DeltaChoice = 'auto' | 'never' | 'always';

/** Bytes of new files, uncompressed, above which xz and bsdiff take longer than any but a slow link. */
const worthwhile = 64 * 1024 * 1024;

/** Files of this size and above that ostree cannot make smaller travel as objects of their own. Its own default. */
const fallbackMiB = 4;

/** Of what is decompressed at once: the memory that a device needs, and what a cut link can make it ask for again. */
const chunkMiB = 2;

/** bsdiff takes a minute for 12 MB of compressed data, and gains nothing. */
const bsdiffMiB = { usual: 128, besideCompressed: 8 };

/**
 * Makes static deltas between commits of the build repository, each once: they are kept in `dir` by their commits and the
 * signatures of the second, which a delta brings along.
 */
export class StaticDeltas {
  readonly #toolbox: () => Promise<Toolbox>;
  readonly #repo: string;
  readonly #dir: string;
  readonly #making = new Map<string, Promise<StaticDelta | null>>();

  constructor(toolbox: () => Promise<Toolbox>, repo: string, dir: string) {
    this.#toolbox = toolbox;
    this.#repo = repo;
    this.#dir = dir;
  }

  /** The delta from the best of `candidates` to `to`, or null when objects serve better. Throws E_TOOL_FAILED, E_DISK_FULL. */
  async choose(choice: DeltaChoice, candidates: readonly string[], to: string): Promise<StaticDelta | null> {
    if (choice === 'never') return null;
    let best: { from: string; bytes: number; checksums: string[] } | null = null;
    for (const from of new Set(candidates)) {
      if (from === to || !(await this.#knows(from))) continue;
      const content = await newContent(this.#repo, from, to);
      if (best === null || content.bytes < best.bytes) best = { from, ...content };
    }
    if (best === null) return null;
    const name = `${best.from}-${to}-${await this.#signatureDigest(to)}`;
    const kept = await read(path.join(this.#dir, name), best.from, to);
    if (kept !== null) return kept;
    if (choice === 'auto' && best.bytes > worthwhile) return null;
    return this.#once(name, best.from, to, best.checksums);
  }

  /** Takes a delta away that devices complain about. */
  async drop(delta: StaticDelta): Promise<void> {
    await (await this.#toolbox()).run(['rm', '-rf', delta.dir]);
  }

  #once(name: string, from: string, to: string, checksums: readonly string[]): Promise<StaticDelta | null> {
    let making = this.#making.get(name);
    if (making === undefined) {
      making = this.#make(name, from, to, checksums).finally(() => this.#making.delete(name));
      this.#making.set(name, making);
    }
    return making;
  }

  async #make(name: string, from: string, to: string, checksums: readonly string[]): Promise<StaticDelta | null> {
    const dir = path.join(this.#dir, name);
    const bsdiff = (await this.#hasLargeCompressed(checksums)) ? bsdiffMiB.besideCompressed : bsdiffMiB.usual;
    const options = [
      `--min-fallback-size=${fallbackMiB}`,
      `--max-chunk-size=${chunkMiB}`,
      `--max-bsdiff-size=${bsdiff}`,
    ];
    const script = `
      repo=$1 from=$2 to=$3 dir=$4 begun=$4.$$
      shift 4
      trap 'rm -rf "$begun"' EXIT
      mkdir -p "$begun"
      ostree --repo="$repo" static-delta generate --from="$from" --to="$to" --filename="$begun/superblock" "$@"
      chmod -R a+rX "$begun"
      # Another process may have made it meanwhile.
      mv --no-target-directory "$begun" "$dir" || [ -e "$dir/superblock" ]`;
    const argv = ['sh', '-euc', script, 'sh', this.#repo, from, to, dir, ...options];
    await (await this.#toolbox()).run(argv, { timeoutMs: 1_800_000 });
    return read(dir, from, to);
  }

  async #knows(commit: string): Promise<boolean> {
    const partial = path.join(this.#repo, 'state', `${commit}.commitpartial`);
    const [there, part] = await Promise.all([commitFile(this.#repo, commit), partial].map(exists));
    return there === true && part === false;
  }

  async #signatureDigest(commit: string): Promise<string> {
    const bytes = await readFile(detachedMetadataFile(this.#repo, commit)).catch(() => Buffer.alloc(0));
    return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  }

  async #hasLargeCompressed(checksums: readonly string[]): Promise<boolean> {
    for (const checksum of checksums) {
      const file = path.join(this.#repo, 'objects', objectName(checksum, 'file'));
      const { size } = await stat(file).catch(() => ({ size: 0 }));
      if (size > (bsdiffMiB.besideCompressed / 2) * 1024 * 1024 && (await isCompressed(file))) return true;
    }
    return false;
  }
}

/** A delta that is there whole; null: none. */
async function read(dir: string, from: string, to: string): Promise<StaticDelta | null> {
  const superblock = await readFile(path.join(dir, 'superblock')).catch(() => null);
  if (superblock === null) return null;
  const sizes = await Promise.all((await readdir(dir)).map(async (name) => (await stat(path.join(dir, name))).size));
  const digest = createHash('sha256').update(superblock).digest('hex');
  return { from, to, dir, superblock: digest, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

const magics = ['1f8b', 'fd377a585a00', '28b52ffd', '425a68', '04224d18', '02214c18'];

/** By the first bytes: gzip, xz, zstd, bzip2, lz4. A kernel, which begins with its decompressor, is not told. */
async function isCompressed(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
    const start = buffer.toString('hex', 0, bytesRead);
    return magics.some((magic) => start.startsWith(magic));
  } finally {
    await handle.close();
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
