import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Archive } from '../../apt/archive/sources.ts';
import { isLocal, localFile } from '../../apt/lockfile/local-debs.ts';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';

/**
 * Where the debs of an image may be: the image's archive, then those of `archives:`, each by the path in the lockfile. The
 * archive is asked for only when the first deb is wanted: a build that has all its debs depends on no apt and no network.
 */
export class DebAddresses {
  readonly #image: Pick<ImageConfig, 'lockfile' | 'archives'>;
  readonly #open: () => Promise<Archive>;
  #archive: Promise<Archive | null> | undefined;
  #proxy: Archive['proxy'] | undefined;

  constructor(image: Pick<ImageConfig, 'lockfile' | 'archives'>, open: () => Promise<Archive>) {
    this.#image = image;
    this.#open = open;
  }

  /** Throws E_APT_NO_SUITE when apt knows no archive of the image and `archives:` names none. */
  async of(filename: string): Promise<string[]> {
    const root = path.dirname(this.#image.lockfile);
    if (isLocal({ filename })) return [pathToFileURL(localFile(root, { filename })).href];
    this.#archive ??= this.#known();
    const first = (await this.#archive)?.candidates(filename) ?? [];
    return [...new Set([...first, ...this.#image.archives.map((base) => below(base, filename))])];
  }

  /** undefined: as the environment says. */
  proxy(url: string): string | null | undefined {
    return this.#proxy?.(url);
  }

  async #known(): Promise<Archive | null> {
    try {
      const archive = await this.#open();
      this.#proxy = archive.proxy;
      return archive;
    } catch (error) {
      const isUnknown = error instanceof LockstepError && error.code === 'E_APT_NO_SUITE';
      if (isUnknown && this.#image.archives.length > 0) return null;
      throw error;
    }
  }
}

/** In a URL as apt does it: colons and plus signs escaped, slashes kept. */
function below(base: string, filename: string): string {
  if (path.isAbsolute(base)) return path.join(base, filename);
  return `${base}/${filename.split('/').map(encodeURIComponent).join('/')}`;
}
