import { createHash } from 'node:crypto';
import type { ContentReader } from './content-reader.ts';
import { dropLayout, readLayout, writeLayout } from './kept-layouts.ts';
import { layOutPack } from './pack.ts';
import { PackContent } from './pack-content.ts';
import { sealedSize } from './pack-part.ts';

/** A commit whole, as a static delta from nothing whose parts are made when they are asked for. */
export interface Pack {
  from: null;
  to: string;
  /** sha256 of the superblock. */
  superblock: string;
  /** A file of the delta, or null when it has none of that name. */
  find(name: string): PackFile | null;
}

/** Bytes, or so many that are made while they are sent: a piece is valid until the next is asked for. Throws E_REPO while it does. */
export type PackFile = { bytes: Buffer } | { size: number; stream(): AsyncIterable<Buffer> };

/** Makes packs of commits, each once: what is kept in `dir` is where in a part each object stands, not the objects. */
export class Packs {
  readonly #dir: string;
  readonly #repo: string;
  readonly #reader: () => Promise<ContentReader>;
  readonly #making = new Map<string, Promise<Pack>>();

  constructor(dir: string, repo: string, reader: () => Promise<ContentReader>) {
    this.#dir = dir;
    this.#repo = repo;
    this.#reader = reader;
  }

  /** Throws E_REPO when an object is missing. */
  find(commit: string): Promise<Pack> {
    let making = this.#making.get(commit);
    if (making === undefined) {
      making = this.#open(commit);
      this.#making.set(commit, making);
      making.catch(() => this.#making.delete(commit));
    }
    return making;
  }

  /** Takes one away that a device complains about. */
  async drop({ to }: Pack): Promise<void> {
    this.#making.delete(to);
    await dropLayout(this.#dir, to);
  }

  async #open(commit: string): Promise<Pack> {
    const content = new PackContent(this.#repo, this.#reader);
    const kept = await readLayout(this.#dir, commit);
    const layout = kept ?? (await layOutPack(this.#repo, commit, await this.#reader(), content));
    // Where it cannot be kept, on a full disk say, it is made again the next time.
    if (kept === null) await writeLayout(this.#dir, commit, layout).catch(() => {});
    return {
      from: null,
      to: commit,
      superblock: createHash('sha256').update(layout.superblock).digest('hex'),
      find: (name) => {
        if (name === 'superblock') return { bytes: layout.superblock };
        const part = layout.parts[Number(name)];
        return part === undefined ? null : { size: sealedSize(part), stream: () => content.part(part) };
      },
    };
  }
}
