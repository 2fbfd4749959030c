import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { CacheConfig, ImageConfig } from '../../config/types.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { redact } from '../../errors/index.ts';
import { ObjectWriter } from '../../ostree/object-writer.ts';
import { SharedRepo } from '../../ostree/shared-repo.ts';
import { inStage, type Stage } from '../../progress/progress.ts';
import type { BuildEnvironment } from '../stage.ts';
import { controlRef, dataRef } from './import-deb.ts';
import {
  assertRecorded,
  type DebTrees,
  formatTreeRecord,
  readTreeRecord,
  type TreeRecord,
  treeRecordFile,
  writeTreeRecord,
} from './tree-record.ts';

type Place = Pick<BuildEnvironment, 'toolbox' | 'repo' | 'sync' | 'progress' | 'signal'>;

/** Debs at once: a cache that fails in the middle costs no more than these. */
const groupSize = 24;

/** How long debs may take: slower, and the mirror is as good. */
const limitMs = (debs: readonly LockedDeb[]) => 30_000 + debs.reduce((sum, { size }) => sum + size / 100, 0);

/**
 * Debs as others have imported them. That a commit is what a deb with some sha256 contains cannot be seen from the commit; so nothing
 * is taken on the word of the cache: the record beside the lockfile says which commits they are, and ostree holds all that comes against
 * those checksums. A deb that the record does not have yet is imported from an archive, and recorded. A cache that fails costs a
 * line of the log and a bounded time, never the build.
 */
export class ImportCache {
  readonly #place: Place;
  readonly #debs: readonly LockedDeb[];
  readonly #config: CacheConfig;
  readonly #shared: SharedRepo;
  readonly #file: string;
  readonly #said: TreeRecord;

  /** Throws E_LOCK_SYNTAX for a record that cannot be read. */
  static async open(
    place: Place,
    image: Pick<ImageConfig, 'name' | 'lockfile'>,
    debs: readonly LockedDeb[],
    config: CacheConfig,
  ): Promise<ImportCache> {
    const file = treeRecordFile(image);
    return new ImportCache(place, debs, config, file, await readTreeRecord(file));
  }

  private constructor(place: Place, debs: readonly LockedDeb[], config: CacheConfig, file: string, said: TreeRecord) {
    this.#place = place;
    this.#debs = [...new Map(debs.map((deb) => [deb.sha256, deb])).values()];
    this.#config = config;
    this.#shared = new SharedRepo(place.toolbox, config.remote, place.signal);
    this.#file = file;
    this.#said = said;
  }

  /** Brings in what the build repository lacks and the cache has; returns how many debs. */
  async pull(): Promise<number> {
    const { sync, progress } = this.#place;
    const there = await this.#imported();
    const wanted = this.#debs.filter(({ sha256 }) => !there.has(sha256) && this.#said.has(sha256));
    if (wanted.length === 0) return 0;
    await sync.begin();
    let count = 0;
    const work = async (stage: Stage) => {
      for await (const group of this.#arriving(wanted)) {
        count += group.length;
        stage.advance({ count: group.length });
      }
    };
    await inStage(progress, 'cache', (stage) => this.#orElse('goes on without it', () => work(stage)), {
      total: wanted.length,
      unit: 'debs',
    });
    return count;
  }

  /** After the import: records what the debs are, and puts into the cache what it lacks. Throws E_TREE_RECORD. */
  async keep(): Promise<void> {
    const found = await this.#imported();
    assertRecorded(this.#debs, this.#said, found, this.#file);
    await writeTreeRecord(this.#file, formatTreeRecord(this.#debs, found));
    if (this.#config.push) await this.#orElse('nothing is put there', () => this.#push(found));
  }

  async *#arriving(wanted: readonly LockedDeb[]): AsyncGenerator<LockedDeb[]> {
    const { toolbox, repo } = this.#place;
    const there = await this.#shared.having(this.#commitsOf(wanted));
    const found = wanted.filter((deb) => this.#commitsOf([deb]).every((commit) => there.has(commit)));
    if (found.length === 0) return;
    const writer = await ObjectWriter.open(toolbox, { repo, directory: 'lockstep-cache' });
    try {
      for (const group of inGroups(found)) {
        await this.#shared.pull(repo, [...new Set(this.#commitsOf(group))], limitMs(group));
        await writer.publish(group.flatMap((deb) => refsTo(deb, this.#said.get(deb.sha256)!)));
        yield group;
      }
    } finally {
      await writer.close();
    }
  }

  async #push(found: TreeRecord): Promise<void> {
    const { repo, progress } = this.#place;
    await this.#shared.make();
    const there = await this.#shared.having([...found.values()].flatMap(({ data, control }) => [data, control]));
    const lacking = this.#debs.filter(({ sha256 }) => {
      const { data, control } = found.get(sha256) ?? {};
      return data !== undefined && control !== undefined && !(there.has(data) && there.has(control));
    });
    if (lacking.length === 0) return;
    const work = async (stage: Stage) => {
      for (const group of inGroups(lacking)) {
        await this.#shared.push(
          repo,
          group.flatMap((deb) => [dataRef(deb), controlRef(deb)]),
          limitMs(group),
        );
        stage.advance({ count: group.length });
      }
    };
    await inStage(progress, 'share', work, { total: lacking.length, unit: 'debs' });
  }

  #commitsOf(debs: readonly LockedDeb[]): string[] {
    return debs.flatMap(({ sha256 }) => {
      const trees = this.#said.get(sha256);
      return trees === undefined ? [] : [trees.data, trees.control];
    });
  }

  /** What the build repository has. */
  async #imported(): Promise<TreeRecord> {
    const commitOf = (ref: string) =>
      readFile(path.join(this.#place.repo, 'refs/heads', ref), 'utf8').then(
        (text) => text.trim(),
        () => null,
      );
    const found = new Map<string, DebTrees>();
    for (const deb of this.#debs) {
      const [data, control] = [await commitOf(dataRef(deb)), await commitOf(controlRef(deb))];
      if (data !== null && control !== null) found.set(deb.sha256, { data, control });
    }
    return found;
  }

  async #orElse(otherwise: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#place.signal.aborted) throw error;
      this.#place.progress.note(
        `the cache ${redact(this.#config.remote)} fails, ${otherwise}: ${(error as Error).message}`,
      );
    }
  }
}

function refsTo(deb: LockedDeb, { data, control }: DebTrees): [ref: string, commit: string][] {
  return [
    [controlRef(deb), control],
    [dataRef(deb), data],
  ];
}

function inGroups(debs: readonly LockedDeb[]): LockedDeb[][] {
  const count = Math.ceil(debs.length / groupSize);
  return Array.from({ length: count }, (_, index) => debs.slice(index * groupSize, (index + 1) * groupSize));
}
