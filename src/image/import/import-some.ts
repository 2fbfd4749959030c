import type { Archive } from '../../apt/archive/sources.ts';
import type { CacheConfig, ImageConfig } from '../../config/types.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { DeferredSync, recoverSync } from '../../ostree/deferred-sync.ts';
import { ensureRepo } from '../../ostree/repo.ts';
import type { BuildServices } from '../build.ts';
import { DebAddresses } from './addresses.ts';
import { ImportCache } from './cache.ts';
import { type Imported, importDebs } from './import.ts';

export interface WhereFrom {
  image: ImageConfig;
  /** Opens the archive of the image's suites. */
  archive(): Promise<Archive>;
  /** Asked first; null: there is none. */
  cache: CacheConfig | null;
}

/**
 * Imports some debs of an image's lockfiles from where a build would, and waits until they are on the disk. The project's lock must be held.
 * Nothing is put into the cache, nor is the record of it written, which is of whole lockfiles. Throws as {@link importDebs} does.
 */
export async function importSome(
  packages: readonly LockedDeb[],
  { image, archive, cache }: WhereFrom,
  { workspace, toolbox, progress, signal }: BuildServices,
): Promise<Imported> {
  const { repo } = workspace;
  const addresses = new DebAddresses(image, archive);
  await ensureRepo(toolbox, repo, 'bare');
  await recoverSync(toolbox, repo);
  const sync = new DeferredSync(toolbox, repo);
  try {
    if (cache !== null) await pullSome(packages, { image, cache }, { toolbox, repo, sync, progress, signal });
    return await importDebs({
      toolbox,
      repo,
      packages,
      sync,
      candidates: (filename) => addresses.of(filename),
      proxy: (url) => addresses.proxy(url),
      progress,
      signal,
    });
  } finally {
    if (!signal.aborted) await sync.settle();
  }
}

/** A record that cannot be read is a matter for the next build. */
async function pullSome(
  packages: readonly LockedDeb[],
  { image, cache }: { image: ImageConfig; cache: CacheConfig },
  place: Parameters<typeof ImportCache.open>[0],
): Promise<void> {
  try {
    await (await ImportCache.open(place, image, packages, cache)).pull();
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'E_LOCK_SYNTAX') throw error;
    place.progress.note(`goes on without the cache: ${error.message}`);
  }
}
