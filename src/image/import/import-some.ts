import type { Archive } from '../../apt/archive/sources.ts';
import type { ImageConfig } from '../../config/types.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { DeferredSync, recoverSync } from '../../ostree/deferred-sync.ts';
import { ensureRepo } from '../../ostree/repo.ts';
import type { BuildServices } from '../build.ts';
import { DebAddresses } from './addresses.ts';
import { type Imported, importDebs } from './import.ts';

/**
 * Imports some debs of an image's lockfiles from where a build would, and waits until they are on the disk. The project's lock must be held.
 * Throws as {@link importDebs} does. @param archive opens the archive of the image's suites
 */
export async function importSome(
  packages: readonly LockedDeb[],
  { image, archive }: { image: ImageConfig; archive: () => Promise<Archive> },
  { workspace, toolbox, progress, signal }: BuildServices,
): Promise<Imported> {
  const { repo } = workspace;
  const addresses = new DebAddresses(image, archive);
  await ensureRepo(toolbox, repo, 'bare');
  await recoverSync(toolbox, repo);
  const sync = new DeferredSync(toolbox, repo);
  try {
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
