import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { ArchiveObjects } from './archive-objects.ts';
import { ContentReader } from './content-reader.ts';
import { ensureOwnDirectory } from './own-directory.ts';
import { type StaticDelta, StaticDeltas } from './static-deltas.ts';
import { deltaDirectory, summaryOffering } from './summary.ts';

/** Something that is served: bytes, or a file of so many. */
export type Served = { bytes: Buffer } | { path: string; size: number };

/**
 * The build repository as devices pull from it: an archive repository whose objects are made when they are asked for. One serves
 * all devices of a run, so that each object is read and compressed once.
 */
export class CommitSource {
  readonly deltas: StaticDeltas;
  readonly #repo: string;
  readonly #objects: ArchiveObjects;

  constructor(toolbox: () => Promise<Toolbox>, { repo, archive }: Workspace) {
    this.#repo = repo;
    const ready = async () => {
      await ensureOwnDirectory(await toolbox(), archive);
      return toolbox();
    };
    this.#objects = new ArchiveObjects(archive, repo, async () => ContentReader.open(await ready(), repo));
    this.deltas = new StaticDeltas(ready, repo, path.join(archive, 'deltas'));
  }

  /** What a path of the repository stands for when this delta is offered; null: nothing. Throws E_REPO. */
  async find(url: string, delta: StaticDelta | null): Promise<Served | null> {
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
    return /^(superblock|[0-9]+)$/.test(name) ? fileBytes(path.join(delta.dir, name)) : null;
  }

  /** Removes kept objects that are damaged, among those; returns how many. */
  dropDamaged(checksums: Iterable<string>): Promise<number> {
    return this.#objects.dropDamaged(checksums);
  }

  close(): Promise<void> {
    return this.#objects.close();
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
