import type { LockedDeb } from '../deb/package.ts';
import { nameOf } from '../deb/package.ts';
import { LockstepError } from '../errors/index.ts';
import { CommitWorker } from '../ostree/commit-worker.ts';
import { deferSync, recoverSync } from '../ostree/deferred-sync.ts';
import { listRefs } from '../ostree/refs.ts';
import { openViews } from '../ostree/views.ts';
import { inStage, type Progress, type Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { Fetcher } from './fetch.ts';
import { type CommitPlace, controlRef, dataRef, importDeb } from './import-deb.ts';

export interface ImportOptions {
  toolbox: Toolbox;
  /** The build repository; it must exist. */
  repo: string;
  packages: readonly LockedDeb[];
  /** Addresses where the deb of a `Filename` may be, the likeliest first. */
  candidates(filename: string): string[];
  /** The proxy for an address, null for none; without this function the environment's variables decide. */
  proxy?(url: string): string | null;
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
}

/** Debs at work at once: more than cores, since each waits for the network, a decoder or ostree in turn. */
const workerCount = 4;

/**
 * Brings every deb of a lockfile into the repository, each while it is downloaded, none stored in between. What is there
 * is not fetched again. After a failure nothing new is begun, what was at work leaves no ref, what was finished stays.
 * Throws E_FETCH_*, E_DEB_*, E_DISK_FULL, E_TOOL_FAILED, E_INTERRUPTED.
 */
export async function importDebs(options: ImportOptions): Promise<Imported> {
  const { toolbox, repo, packages, progress } = options;
  if (await recoverSync(toolbox, repo, 'dpkg')) {
    progress.note('the machine went down during an import: what that one had written is imported again');
  }
  const there = await listRefs(toolbox, repo, 'dpkg');
  const wanted = [...new Map(packages.map((deb) => [deb.sha256, deb])).values()];
  const missing = wanted.filter((deb) => !there.has(dataRef(deb)) || !there.has(controlRef(deb)));
  const cached = wanted.length - missing.length;
  if (missing.length === 0) {
    progress.stage('import').done(`${cached} debs`, { cached: true });
    return { imported: 0, cached, bytes: 0 };
  }
  const work = (stage: Stage) => deferSync(toolbox, repo, () => importAll(missing, options, stage));
  await inStage(progress, 'import', work, { total: missing.length, unit: 'debs' });
  return { imported: missing.length, cached, bytes: missing.reduce((sum, deb) => sum + deb.size, 0) };
}

async function importAll(missing: readonly LockedDeb[], options: ImportOptions, stage: Stage): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // The largest first: what is left for the end is then short, and all workers end at about the same time.
  const queue = [...missing].sort((a, b) => b.size - a.size);
  const count = Math.min(options.workers ?? workerCount, queue.length);
  const fetcher = new Fetcher({ ...options, signal });
  const views = await openViews(options.toolbox, options.repo, 2 * count);
  const work = async (number: number) => {
    const place = [views.paths[2 * number] ?? '', views.paths[2 * number + 1] ?? ''] as const;
    try {
      await workThrough(queue, { fetcher, views: place, toolbox: options.toolbox, stage, signal });
    } catch (error) {
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, number) => work(number)));
  await fetcher.close();
  await views.close();
  if (options.signal.aborted) throw interrupted();
  // The others were stopped because of the first failure: theirs say only that.
  if (stop.signal.aborted) throw stop.signal.reason;
}

interface Work {
  fetcher: Fetcher;
  views: CommitPlace['views'];
  toolbox: Toolbox;
  stage: Stage;
  signal: AbortSignal;
}

/** Imports one deb of the queue after the other until it is empty or the signal fires. */
async function workThrough(queue: LockedDeb[], { fetcher, views, toolbox, stage, signal }: Work): Promise<void> {
  const worker = await CommitWorker.open(toolbox);
  try {
    for (let deb = queue.shift(); deb !== undefined && !signal.aborted; deb = queue.shift()) {
      stage.advance({ detail: nameOf(deb) });
      await importDeb(deb, counted(fetcher.fetch(deb), stage), { worker, views });
      stage.advance({ count: 1 });
    }
  } finally {
    await worker.close();
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
