import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../errors/index.ts';

/**
 * The device tests of a directory: every executable regular file in it and its subfolders, as paths relative to it, in
 * byte order. Hidden files and folders and READMEs are left out; so are data files, which travel but do not run.
 * Throws E_TESTS_MISSING when the directory is missing or holds no test.
 */
export async function discoverTests(dir: string): Promise<string[]> {
  const tests = (await testsUnder(dir, '')).sort(byBytes);
  if (tests.length > 0) return tests;
  throw new LockstepError('E_TESTS_MISSING', `${dir}: holds no executable file, so there is no test to run`, {
    hint: `Write a test there and \`chmod +x\` it; exit code 0 passes, 77 skips, any other fails.`,
  });
}

async function testsUnder(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(path.join(root, folder))) {
    const name = path.posix.join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) found.push(...(await testsUnder(root, name)));
    else if (entry.isFile() && !/^readme/i.test(entry.name) && (await isExecutable(path.join(root, name)))) {
      found.push(name);
    }
  }
  return found;
}

async function entriesOf(dir: string) {
  return readdir(dir, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no such directory' : `cannot be read: ${cause.code}`;
    throw new LockstepError('E_TESTS_MISSING', `tests directory ${dir}: ${why}`, {
      hint: 'Create it, or correct `tests: {dir: …}` in lockstep.yml.',
      cause,
    });
  });
}

async function isExecutable(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o111) !== 0;
}

/** The same order whatever the locale of this machine. */
function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
