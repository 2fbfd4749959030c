import { rename, writeFile } from 'node:fs/promises';
import { readJournal } from './remote-scripts.ts';
import type { TestSession } from './session.ts';

const mostBytes = 8 * 1024 * 1024;

/**
 * Saves the device's journal since its last boot, the last 8 MiB of it, to `file`. What cannot be read is a note, since
 * it says nothing about the tests.
 */
export async function saveJournal(session: TestSession, file: string): Promise<string[]> {
  try {
    const { stdout } = await session.script(readJournal, { args: [String(mostBytes)], timeoutMs: 120_000 });
    await writeFile(`${file}.tmp`, stdout);
    await rename(`${file}.tmp`, file);
    return [];
  } catch (error) {
    return [`the journal could not be saved: ${error instanceof Error ? error.message : error}`];
  }
}
