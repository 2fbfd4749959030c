import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ImageConfig } from '../../config/types.ts';
import { openDeb } from '../../deb/open.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { Deb822Error, Stanza } from '../deb822.ts';
import { type LockedPackage, lockedPackage } from './locked-package.ts';
import { matchingFiles } from './matching-files.ts';

/**
 * Debs of the project's own stand in a lockfile as in a flat archive whose base is the directory of lockstep.yml
 * (dpkg-scanpackages(1)): their `Filename` begins with `./`, which those of Debian's archives never do.
 */
export function isLocal({ filename }: Pick<LockedDeb, 'filename'>): boolean {
  return filename.startsWith('./');
}

/** Absolute path of a local deb. @param root directory of lockstep.yml */
export function localFile(root: string, { filename }: Pick<LockedDeb, 'filename'>): string {
  return path.join(root, filename);
}

const hint = 'correct `debs:` of the image in lockstep.yml';

/**
 * The debs that `debs:` names, as an index would: those for the image's architecture, each with size and sha256 as they
 * are now. Throws E_DEB_LOCAL for a pattern without a file, for two debs of one package, and when none fits.
 */
export async function readLocalDebs(image: Pick<ImageConfig, 'name' | 'arch' | 'debs' | 'lockfile'>) {
  const root = path.dirname(image.lockfile);
  const files = new Set<string>();
  for (const pattern of image.debs) {
    const found = await matchingFiles(root, pattern);
    if (found.length === 0) {
      const build = 'build the debs first, or correct `debs:` of the image in lockstep.yml';
      throw new LockstepError('E_DEB_LOCAL', `image ${image.name}: no file is ${pattern}`, { hint: build });
    }
    for (const file of found) files.add(file);
  }
  const all = await Promise.all([...files].sort().map((file) => readLocalDeb(root, file)));
  const fitting = all.filter(({ architecture }) => architecture === image.arch || architecture === 'all');
  if (all.length > 0 && fitting.length === 0) {
    const message = `image ${image.name}: none of ${[...files].join(', ')} is for ${image.arch}`;
    throw new LockstepError('E_DEB_LOCAL', message, { hint });
  }
  refuseTwins(image.name, fitting);
  return fitting;
}

/** Throws E_DEB_LOCAL unless every local deb of a lockfile is there, and the one that is pinned. */
export async function checkLocalDebs(lockfile: string, packages: readonly LockedDeb[]): Promise<void> {
  const root = path.dirname(lockfile);
  for (const deb of packages.filter(isLocal)) {
    const file = localFile(root, deb);
    const found = await fingerprintOf(file).catch((cause: Error) => {
      throw new LockstepError('E_DEB_LOCAL', `${file}, which ${lockfile} pins, cannot be read: ${cause.message}`, {
        hint: 'build it, or run `lockstep update` to pin what is there now',
        cause,
      });
    });
    if (found.sha256 === deb.sha256) continue;
    const message = `${file} is not the deb that ${lockfile} pins (sha256 ${found.sha256}, pinned ${deb.sha256})`;
    throw new LockstepError('E_DEB_LOCAL', message, {
      hint: 'run `lockstep update` to pin it, or restore the old one',
    });
  }
}

async function readLocalDeb(root: string, file: string): Promise<LockedPackage> {
  const { size, sha256 } = await fingerprintOf(path.join(root, file));
  const unnamed = { package: file, version: '', architecture: '', filename: file, size, sha256 };
  const deb = await openDeb(createReadStream(path.join(root, file)), unnamed);
  await deb.close();
  const control = deb.control.find(({ name }) => name === 'control')?.content.toString() ?? '';
  const stanza = `${control.trim()}\nFilename: ./${file}\nSize: ${size}\nSHA256: ${sha256}`;
  try {
    return lockedPackage(new Stanza(stanza));
  } catch (error) {
    if (!(error instanceof Deb822Error)) throw error;
    throw new LockstepError('E_DEB_LOCAL', `${file}: ${error.message}`, { hint, cause: error });
  }
}

async function fingerprintOf(file: string): Promise<{ size: number; sha256: string }> {
  const { size } = await stat(file);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { size, sha256: hash.digest('hex') };
}

function refuseTwins(image: string, packages: readonly LockedPackage[]): void {
  const seen = new Map<string, LockedPackage>();
  for (const locked of packages) {
    const other = seen.get(locked.package);
    if (other !== undefined) {
      const message = `image ${image}: ${other.filename} and ${locked.filename} are both of the package ${locked.package}`;
      throw new LockstepError('E_DEB_LOCAL', message, { hint: 'remove the older one, or name it in `debs:` exactly' });
    }
    seen.set(locked.package, locked);
  }
}
