import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImageConfig } from '../../config/types.ts';
import { type LockedDeb, nameOf } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { textIfThere } from '../../files/if-there.ts';
import { importFormat } from './import-deb.ts';

/** The commits that a deb is imported to. */
export interface DebTrees {
  data: string;
  control: string;
}

/** By the sha256 of the deb. */
export type TreeRecord = ReadonlyMap<string, DebTrees>;

const header = `# lockstep trees ${importFormat}: what each deb of the lockfile is in ostree: sha256, data, control, name`;

/** The record of an image, beside its lockfile and kept in version control like that. */
export function treeRecordFile({ name, lockfile }: Pick<ImageConfig, 'name' | 'lockfile'>): string {
  return path.join(path.dirname(lockfile), `${name}.trees`);
}

/** Empty when there is none. Throws E_LOCK_SYNTAX. */
export async function readTreeRecord(file: string): Promise<TreeRecord> {
  const text = (await textIfThere(file)) ?? '';
  return parseTreeRecord(text, file);
}

/** Empty for one that was written when debs were imported to other commits. Throws E_LOCK_SYNTAX with file and line. */
export function parseTreeRecord(text: string, file: string): TreeRecord {
  const found = new Map<string, DebTrees>();
  const [, format = importFormat] = /^# lockstep trees (\d+)/.exec(text) ?? [];
  if (format !== importFormat) return found;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, sha256, data, control] = /^([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{64})(?: .*)?$/.exec(line) ?? [];
    const twice = sha256 !== undefined && found.has(sha256);
    if (sha256 === undefined || data === undefined || control === undefined || twice) {
      const problem = twice
        ? `${sha256} is there twice`
        : 'expected three checksums of 64 hexadecimal digits and a name';
      throw new LockstepError('E_LOCK_SYNTAX', `${file}:${index + 1}: ${problem}`, {
        hint: 'restore it from version control, or remove it: the next build writes it anew',
      });
    }
    found.set(sha256, { data, control });
  }
  return found;
}

/** The record of these debs, in the order of their names. */
export function formatTreeRecord(debs: readonly LockedDeb[], record: TreeRecord): string {
  const lines = debs.map((deb) => {
    const trees = record.get(deb.sha256);
    return trees === undefined ? '' : `${deb.sha256} ${trees.data} ${trees.control} ${nameOf(deb)}\n`;
  });
  const byName = (line: string) => line.split(' ').slice(3).join(' ');
  return `${header}\n${[...new Set(lines)].sort((a, b) => (byName(a) < byName(b) ? -1 : 1)).join('')}`;
}

/** Writes it where it differs, whole or not at all. */
export async function writeTreeRecord(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => null)) === text) return;
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** Throws E_TREE_RECORD when what was imported is not what the record says. */
export function assertRecorded(debs: readonly LockedDeb[], said: TreeRecord, found: TreeRecord, file: string): void {
  const wrong = debs.filter(({ sha256 }) => {
    const [a, b] = [said.get(sha256), found.get(sha256)];
    return a !== undefined && b !== undefined && (a.data !== b.data || a.control !== b.control);
  });
  if (wrong.length === 0) return;
  const message = `${path.basename(file)} has other trees for ${wrong.map(nameOf).join(', ')} than the build repository`;
  throw new LockstepError('E_TREE_RECORD', message, {
    hint: 'find out who wrote those lines; removed, the next build writes them anew from what the debs are',
  });
}
