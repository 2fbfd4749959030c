import addons from 'lockstep:addons';
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/**
 * Stands in for node-gyp-build inside the bundle. A native addon can only be loaded from a file, so the one inside is
 * written to a directory of the user's own when it is first needed. Runs only when the first xz stream is opened.
 */
export function loadAddon(name: string): unknown {
  const platform = `${process.platform}-${process.arch}`;
  const known = addons[name] ?? {};
  const addon = known[platform];
  if (addon === undefined) {
    throw new Error(`xz cannot be read on ${platform}: the agent has its decoder for ${Object.keys(known).join(', ')}`);
  }
  const problems: string[] = [];
  for (const directory of cacheDirectories()) {
    try {
      return load(placed(directory, addon));
    } catch (error) {
      // A home that is read-only or mounted noexec is common on build nodes: the next directory may do.
      problems.push(`${directory}: ${(error as Error).message}`);
    }
  }
  throw new Error(`The xz decoder could not be loaded from any directory: ${problems.join('; ')}`);
}

function cacheDirectories(): string[] {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return [path.join(cache, 'lockstep'), path.join(tmpdir(), `lockstep-${userInfo().uid}`)];
}

/** The addon's path in `directory`, written unless a file with these very bytes is there. */
function placed(directory: string, addon: { sha256: string; brotli: string }): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  assertOwn(directory);
  const file = path.join(directory, `lzma-${addon.sha256.slice(0, 16)}.node`);
  if (digestOf(file) === addon.sha256) return file;
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(temporary, brotliDecompressSync(Buffer.from(addon.brotli, 'base64')), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
  if (digestOf(file) !== addon.sha256) throw new Error(`${file} is not what was written`);
  return file;
}

/** Whoever may write to the directory decides what code runs here: it must be this user alone. */
function assertOwn(directory: string): void {
  const { uid, mode } = lstatSync(directory);
  const isOwn = uid === userInfo().uid && (mode & 0o022) === 0;
  if (!isOwn || (mode & 0o170000) !== 0o040000) throw new Error('not a directory that only this user can write to');
}

function digestOf(file: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return null;
  }
}

function load(file: string): unknown {
  const loaded = { exports: {} };
  process.dlopen(loaded, file);
  return loaded.exports;
}
