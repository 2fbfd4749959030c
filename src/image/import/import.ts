import { randomBytes } from 'node:crypto';
import type { LockedDeb } from '../../deb/package.ts';
import { nameOf } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import type { DeferredSync } from '../../ostree/deferred-sync.ts';
import { FreeSpace } from '../../ostree/free-space.ts';
import { namingStage } from '../../ostree/full-disk.ts';
import { ObjectWriter } from '../../ostree/object-writer.ts';
import { listRefs } from '../../ostree/refs.ts';
import { inStage, type Progress, type Stage } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { Fetcher } from './fetch.ts';
import { controlRef, dataRef, importDeb } from './import-deb.ts';
import { fetchRight } from './right-deb.ts';

export interface ImportOptions {
  toolbox: Toolbox;
  /** The build repository; it must exist. */
  repo: string;
  packages: readonly LockedDeb[];
  /** Whoever gave it waits for the disk. */
  sync: Pick<DeferredSync, 'begin'>;
  /** Addresses where the deb of a `Filename` may be, the likeliest first. */
  candidates(filename: string): readonly string[] | Promise<readonly string[]>;
  /** The proxy for an address, null for none; without an answer the environment's variables decide. */
  proxy?(url: string): string | null | undefined;
  progress: Progress;
  signal: AbortSignal;
  /** Debs at work at once; 4 by default. */
  workers?: number;
}

export interface Imported {
  /** Debs that were fetched and committed. */
  imported: number;
  /** Debs that were there. */
  cached: number;
  /** Bytes of the debs that were fetched. */
  bytes: number;
  /** Whether objects of earlier imports may have been used. */
  reused: boolean;
}

/** Debs at work at once: more than cores, since each waits for the network, a decoder or ostree in turn. */
const workerCount = 4;

/**
 * Brings every deb of a lockfile into the repository, each while it is downloaded, none stored in between. What is there
 * is not fetched again. After a failure nothing new is begun, what was at work leaves no ref, what was finished stays.
 * Throws E_FETCH_*, E_DEB_*, E_DISK_FULL, E_TOOL_FAILED, E_INTERRUPTED.
 */
export async function importDebs(options: ImportOptions): Promise<Imported> {
  const { toolbox, repo, packages, sync, progress } = options;
  const there = await listRefs(toolbox, repo, 'dpkg');
  const wanted = [...new Map(packages.map((deb) => [deb.sha256, deb])).values()];
  const missing = wanted.filter((deb) => !there.has(dataRef(deb)) || !there.has(controlRef(deb)));
  const cached = wanted.length - missing.length;
  if (missing.length === 0) {
    progress.stage('import').done(`${cached} debs`, { cached: true });
    return { imported: 0, cached, bytes: 0, reused: true };
  }
  await sync.begin();
  const work = (stage: Stage) => importAll(missing, options, stage);
  await inStage(progress, 'import', work, { total: missing.length, unit: 'debs' }).catch((error) => {
    throw namingStage(error, 'import', repo);
  });
  const bytes = missing.reduce((sum, deb) => sum + deb.size, 0);
  return { imported: missing.length, cached, bytes, reused: there.size > 0 };
}

async function importAll(missing: readonly LockedDeb[], options: ImportOptions, stage: Stage): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // The largest first: what is left for the end is then short, and all workers end at about the same time.
  const queue = [...missing].sort((a, b) => b.size - a.size);
  const count = Math.min(options.workers ?? workerCount, queue.length);
  const fetcher = new Fetcher({ ...options, signal });
  const directory = `lockstep-import-${randomBytes(6).toString('hex')}`;
  const work = async () => {
    try {
      await workThrough(queue, { ...options, fetcher, directory, stage, signal });
    } catch (error) {
      stop.abort(error);
    }
  };
  await clearTemporary(options.toolbox, options.repo);
  await Promise.all(Array.from({ length: count }, work));
  await fetcher.close();
  if (options.signal.aborted) throw interrupted();
  // The others were stopped because of the first failure: theirs say only that.
  if (stop.signal.aborted) throw stop.signal.reason;
}

/** Takes away what a writer that was killed has left. */
async function clearTemporary(toolbox: Toolbox, repo: string): Promise<void> {
  await toolbox.run(['sh', '-euc', 'rm -rf "$1"/tmp/lockstep-*', 'sh', repo]);
}

interface Work {
  fetcher: Fetcher;
  toolbox: Toolbox;
  repo: string;
  directory: string;
  stage: Stage;
  signal: AbortSignal;
}

/** Imports one deb of the queue after the other until it is empty or the signal fires. */
async function workThrough(queue: LockedDeb[], { fetcher, stage, signal, ...place }: Work): Promise<void> {
  const writer = await ObjectWriter.open(place.toolbox, place);
  const space = new FreeSpace(place.repo);
  const paced = async () => {
    await space.assert();
    await writer.drained();
  };
  try {
    for (let deb = queue.shift(); deb !== undefined && !signal.aborted; deb = queue.shift()) {
      stage.advance({ detail: nameOf(deb) });
      await fetchRight(fetcher, deb, (bytes) => importDeb(deb, counted(bytes, stage), writer, paced));
      stage.advance({ count: 1 });
    }
  } finally {
    await writer.close();
  }
}

function interrupted(): LockstepError {
  return new LockstepError('E_INTERRUPTED', 'interrupted while debs were imported', {
    hint: 'run it again: it goes on from what was finished',
  });
}

async function* counted(source: AsyncIterable<Buffer>, stage: Stage): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of source) {
    stage.advance({ bytes: chunk.length });
    yield chunk;
  }
}
