import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** For how long a deb is remembered that nobody asks for any more, in milliseconds. */
const remembered = 90 * 86_400_000;

const shape = z.record(z.string().regex(/^[0-9a-f]{64}$/), z.iso.datetime());

/**
 * When this project first saw debs whose mirror tells no date: `.lockstep/first-seen.json`, a map from sha256 to time.
 * A cache: whoever loses it waits anew.
 */
export class FirstSeen {
  readonly #file: string;
  readonly #now: () => Date;

  constructor(file: string, now: () => Date = () => new Date()) {
    this.#file = file;
    this.#now = now;
  }

  /** The times of these debs; those that were never seen are seen now. */
  async of(digests: readonly string[]): Promise<Map<string, Date>> {
    if (digests.length === 0) return new Map();
    const known = await this.#read();
    const now = this.#now();
    const seen = new Map(digests.map((sha256) => [sha256, known.get(sha256) ?? now]));
    const recent = [...known].filter(([, date]) => now.getTime() - date.getTime() < remembered);
    await this.#write(new Map([...recent, ...seen]));
    return seen;
  }

  /** What cannot be read is as good as lost. */
  async #read(): Promise<Map<string, Date>> {
    try {
      const told = shape.parse(JSON.parse(await readFile(this.#file, 'utf8')));
      return new Map(Object.entries(told).map(([sha256, date]) => [sha256, new Date(date)]));
    } catch {
      return new Map();
    }
  }

  async #write(seen: ReadonlyMap<string, Date>): Promise<void> {
    const sorted = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
    const text = `${JSON.stringify(Object.fromEntries(sorted), null, 1)}\n`;
    const temporary = `${this.#file}.${process.pid}.tmp`;
    await mkdir(path.dirname(this.#file), { recursive: true });
    try {
      await writeFile(temporary, text);
      await rename(temporary, this.#file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
