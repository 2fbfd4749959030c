import { type Imported, type ImportOptions, importDebs } from '../../src/image/import/import.ts';
import { DeferredSync, recoverSync } from '../../src/ostree/deferred-sync.ts';

/** An import as a build of its own: takes back first what a power cut may have damaged, and waits for the disk at its end. */
export async function importWhole(options: Omit<ImportOptions, 'sync'>): Promise<Imported> {
  const { toolbox, repo, signal } = options;
  await recoverSync(toolbox, repo);
  const sync = new DeferredSync(toolbox, repo);
  try {
    return await importDebs({ ...options, sync });
  } finally {
    if (!signal.aborted) await sync.settle();
  }
}
