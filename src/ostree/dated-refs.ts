import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

/** A ref as it lies in a repository. */
export interface DatedRef {
  /** Below `refs`: `heads/…`, `remotes/…`. */
  path: string;
  commit: string;
  /** When it was written, in milliseconds since 1970. */
  written: number;
}

/** All refs of a repository; what is none is left out. Node can read them, as they are readable for all. */
export async function datedRefs(repo: string): Promise<DatedRef[]> {
  const root = path.join(repo, 'refs');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const refs: DatedRef[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'latin1'), stat(file)]);
    const commit = text.trim();
    if (/^[0-9a-f]{64}$/.test(commit)) refs.push({ path: path.relative(root, file), commit, written: mtimeMs });
  }
  return refs;
}
