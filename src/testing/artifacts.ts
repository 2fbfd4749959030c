import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { fetchArtifacts } from './remote-scripts.ts';
import type { TestSession } from './session.ts';

const mostBytes = 32 * 1024 * 1024;

export interface SavedArtifacts {
  /** Relative to the directory, sorted. */
  files: string[];
  notes: string[];
}

/**
 * Fetches what the tests left in LOCKSTEP_ARTIFACTS into `directory`, 32 MiB at most. Regular files only, under paths
 * that stay inside: a device is not trusted with this machine's files. What cannot be fetched is a note, not an error.
 */
export async function saveArtifacts(
  session: TestSession,
  scratch: string,
  directory: string,
  bound = mostBytes,
): Promise<SavedArtifacts> {
  await rm(directory, { recursive: true, force: true });
  const saved: SavedArtifacts = { files: [], notes: [] };
  try {
    const args = [scratch, String(bound)];
    const { stdout } = await session.script(fetchArtifacts, { args, timeoutMs: 300_000 });
    const archive = Buffer.from(stdout, 'base64');
    await unpack(archive, directory, saved);
    if (archive.length >= bound) saved.notes.push(cutNote(bound));
  } catch (error) {
    saved.notes.push(
      isCut(error)
        ? cutNote(bound)
        : `artifacts could not be fetched: ${error instanceof Error ? error.message : error}`,
    );
  }
  saved.files.sort();
  return saved;
}

async function unpack(archive: Buffer, directory: string, saved: SavedArtifacts): Promise<void> {
  const entries = extract();
  const feeding = pipeline(Readable.from([archive]), entries);
  feeding.catch(() => {});
  for await (const entry of entries) {
    const name = insideName(entry.header.name);
    if (entry.header.type !== 'file' || name === null) {
      if (entry.header.type !== 'directory') saved.notes.push(`artifact left out: ${entry.header.name}`);
      entry.resume();
      continue;
    }
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await pipeline(entry, createWriteStream(file, { mode: 0o644 })).catch(async (error) => {
      await rm(file, { force: true });
      throw error;
    });
    saved.files.push(name);
  }
  await feeding;
}

/** The path without `./`, or null when it would lie outside or hide something from who reads it. */
export function insideName(name: string): string | null {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.length === 0 || /[\x00-\x1f\x7f\\]/.test(name)) return null;
  return parts.includes('..') ? null : parts.join('/');
}

function isCut(error: unknown): boolean {
  return error instanceof Error && /unexpected end/i.test(error.message);
}

function cutNote(bound: number): string {
  return `the artifacts are larger than ${bound / 2 ** 20} MiB: only the first of them were fetched`;
}
