import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import type { Archive } from '../../src/apt/archive/sources.ts';
import type { LockedDeb } from '../../src/deb/package.ts';
import { Fetcher } from '../../src/image/import/fetch.ts';
import type { MadeDeb } from '../deb/debs.ts';
import { collect } from '../deb/debs.ts';

/** Downloads debs into a directory, unless they are there. */
export async function download(debs: readonly LockedDeb[], archive: Archive, dir: string): Promise<MadeDeb[]> {
  await mkdir(dir, { recursive: true });
  const { candidates, proxy } = archive;
  const fetcher = new Fetcher({ candidates, proxy, signal: new AbortController().signal });
  const limit = pLimit(8);
  const one = async (deb: LockedDeb): Promise<MadeDeb> => {
    const file = path.join(dir, `${deb.sha256}.deb`);
    if (!(await stat(file).catch(() => null))) {
      await writeFile(`${file}.part`, await collect(fetcher.fetch(deb)));
      await rename(`${file}.part`, file);
    }
    return { ...deb, file, bytes: await readFile(file) };
  };
  try {
    return await Promise.all(debs.map((deb) => limit(() => one(deb))));
  } finally {
    await fetcher.close();
  }
}
