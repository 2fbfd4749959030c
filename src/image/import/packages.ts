import { checkLocalDebs } from '../../apt/lockfile/local-debs.ts';
import type { BuildInputs } from '../build.ts';
import type { BuildEnvironment } from '../stage.ts';
import { DebAddresses } from './addresses.ts';
import { ImportCache } from './cache.ts';
import { type Imported, importDebs } from './import.ts';

/** The import stage: what the repository lacks comes from the cache where there is one, the rest from the archives. */
export async function importPackages(
  build: BuildEnvironment,
  { image, lockfile, archive, cache: shared }: BuildInputs,
): Promise<Imported> {
  const started = performance.now();
  const { packages } = lockfile;
  await checkLocalDebs(image.lockfile, packages);
  const cache = shared ? await ImportCache.open(build, image, packages, shared) : null;
  const pulled = (await cache?.pull()) ?? 0;
  const addresses = new DebAddresses(image, archive);
  const result = await importDebs({
    toolbox: build.toolbox,
    repo: build.repo,
    packages,
    sync: build.sync,
    candidates: (filename) => addresses.of(filename),
    proxy: (url) => addresses.proxy(url),
    progress: build.progress,
    signal: build.signal,
  });
  await cache?.keep();
  const cached = result.imported === 0 && pulled === 0;
  build.report({ name: 'import', ms: Math.round(performance.now() - started), cached });
  return result;
}
