import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { ArchiveObjects } from './archive-objects.ts';
import { ContentReader } from './content-reader.ts';
import { ensureOwnDirectory } from './own-directory.ts';
import { type Pack, type PackFile, Packs } from './packs.ts';
import { type StaticDelta, StaticDeltas } from './static-deltas.ts';
import { deltaDirectory, summaryOffering } from './summary.ts';

/** Something that is served: bytes, a file of so many, or so many of a delta that is made while it is sent. */
export type Served = PackFile | { path: string; size: number };

/** What is offered to a device in the place of objects. */
export type Offer = StaticDelta | Pack;

/**
 * The build repository as devices pull from it: an archive repository whose objects are made when they are asked for. One serves
 * all devices of a run, so that each object is read and compressed once.
 */
export class CommitSource {
  readonly deltas: StaticDeltas;
  readonly packs: Packs;
  readonly #repo: string;
  readonly #objects: ArchiveObjects;
  readonly #openReader: () => Promise<ContentReader>;
  #reader: Promise<ContentReader> | undefined;

  constructor(toolbox: () => Promise<Toolbox>, { repo, archive }: Workspace) {
    this.#repo = repo;
    const ready = async () => {
      await ensureOwnDirectory(await toolbox(), archive);
      return toolbox();
    };
    this.#openReader = async () => ContentReader.open(await ready(), repo);
    const reader = () => this.#sharedReader();
    this.#objects = new ArchiveObjects(archive, repo, reader);
    this.packs = new Packs(path.join(archive, 'packs'), repo, reader);
    this.deltas = new StaticDeltas(ready, repo, path.join(archive, 'deltas'));
  }

  /** What a path of the repository stands for when this delta is offered; null: nothing. Throws E_REPO. */
  async find(url: string, delta: Offer | null): Promise<Served | null> {
    if (url === '/config') return { bytes: config };
    const object = /^\/objects\/([0-9a-f]{2})\/([0-9a-f]{62})\.(filez|commit|commitmeta|dirtree|dirmeta)$/.exec(url);
    if (object !== null) {
      const [, start = '', rest = '', kind = ''] = object;
      if (kind === 'filez') return this.#objects.find(start + rest);
      return fileBytes(path.join(this.#repo, 'objects', start, `${rest}.${kind}`));
    }
    if (delta === null) return null;
    if (url === '/summary') return { bytes: summaryOffering(delta) };
    const at = `/${deltaDirectory(delta.from, delta.to)}/`;
    const name = url.startsWith(at) ? url.slice(at.length) : '';
    if (!/^(superblock|[0-9]+)$/.test(name)) return null;
    if ('dir' in delta) return fileBytes(path.join(delta.dir, name));
    return delta.find(name);
  }

  /** Removes kept objects that are damaged, among those; returns how many. */
  dropDamaged(checksums: Iterable<string>): Promise<number> {
    return this.#objects.dropDamaged(checksums);
  }

  /** Takes away what a device complains about. */
  async drop(offer: Offer): Promise<void> {
    await ('dir' in offer ? this.deltas.drop(offer) : this.packs.drop(offer));
  }

  async close(): Promise<void> {
    const reader = await this.#reader?.catch(() => undefined);
    await reader?.close();
  }

  #sharedReader(): Promise<ContentReader> {
    this.#reader ??= this.#openReader();
    return this.#reader;
  }
}

const config = Buffer.from('[core]\nrepo_version=1\nmode=archive-z2\n');

/**
 * Small files, metadata objects and parts of deltas: whole, and at once. A puller has few requests on the way; that each waits for a thread
 * of its own would cost more than reading.
 */
function fileBytes(file: string): Served | null {
  try {
    return { bytes: readFileSync(file) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
