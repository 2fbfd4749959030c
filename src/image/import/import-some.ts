import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isLocal, localFile } from '../../apt/local-debs.ts';
import type { Archive } from '../../apt/sources.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { DeferredSync, recoverSync } from '../../ostree/deferred-sync.ts';
import { ensureRepo } from '../../ostree/repo.ts';
import type { BuildServices } from '../build.ts';
import { type Imported, importDebs } from './import.ts';

/**
 * Imports some debs of a lockfile, as a build does with all of them, and waits until they are on the disk. The project's lock must be held.
 * Throws as {@link importDebs} does. @param lockfile absolute path
 */
export async function importSome(
  packages: readonly LockedDeb[],
  { lockfile, archive }: { lockfile: string; archive: Archive },
  { workspace, toolbox, progress, signal }: BuildServices,
): Promise<Imported> {
  const { repo } = workspace;
  const root = path.dirname(lockfile);
  await ensureRepo(toolbox, repo, 'bare');
  await recoverSync(toolbox, repo);
  const sync = new DeferredSync(toolbox, repo);
  try {
    return await importDebs({
      toolbox,
      repo,
      packages,
      sync,
      candidates: (filename) =>
        isLocal({ filename }) ? [pathToFileURL(localFile(root, { filename })).href] : archive.candidates(filename),
      proxy: (url) => archive.proxy(url),
      progress,
      signal,
    });
  } finally {
    if (!signal.aborted) await sync.settle();
  }
}
