import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * The files below a directory that a pattern means, sorted, relative to it: `*` stands for any text within a name, `?`
 * for one character, and neither for a dot that begins a name (glob(7)).
 */
export async function matchingFiles(root: string, pattern: string): Promise<string[]> {
  let found = [''];
  const segments = pattern.split('/');
  for (const [index, segment] of segments.entries()) {
    const shape = shapeOf(segment);
    const last = index === segments.length - 1;
    const next = await Promise.all(found.map((below) => matchesIn(root, below, shape, last)));
    found = next.flat();
  }
  return found.sort();
}

async function matchesIn(root: string, below: string, shape: RegExp, file: boolean): Promise<string[]> {
  const entries = await readdir(path.join(root, below), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    },
  );
  const matching = entries.filter((entry) => shape.test(entry.name) && (file ? !entry.isDirectory() : !entry.isFile()));
  return matching.map(({ name }) => path.posix.join(below, name));
}

function shapeOf(segment: string): RegExp {
  const text = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^(?!\\.)${text}$`, 's');
}
