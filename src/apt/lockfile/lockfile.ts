import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { Deb822Error, formatStanzas, parseStanzas } from '../deb822.ts';
import { formatInputs, inputsOf, type LockInputs, parseInputs, staleness, wantedPackages } from './lock-inputs.ts';
import { type LockedPackage, lockedPackage, provides } from './locked-package.ts';

export type { LockedPackage } from './locked-package.ts';

/** `<image>.lock`: a Debian Packages index, sorted by package, each stanza as the archive published it. */
export interface Lockfile {
  /** Absolute path, or what else names where the text came from. */
  file: string;
  text: string;
  /** sha256 of the file's bytes, in hexadecimal. */
  digest: string;
  /** What it was made for; null when the file does not say. */
  inputs: LockInputs | null;
  packages: LockedPackage[];
}

/**
 * The lockfile of an image, fit to build from. Throws E_LOCK_MISSING, E_LOCK_SYNTAX with the line, and E_LOCK_STALE when
 * it was made for another configuration.
 */
export async function readLockfile(image: ImageConfig): Promise<Lockfile> {
  const lockfile = await loadLockfile(image.lockfile);
  checkLockfile(lockfile, image);
  return lockfile;
}

/** Any lockfile, whatever it was made for. Throws E_LOCK_MISSING and E_LOCK_SYNTAX. */
export async function loadLockfile(file: string): Promise<Lockfile> {
  try {
    return parseLockfile(await readFile(file, 'utf8'), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new LockstepError('E_LOCK_MISSING', `there is no lockfile ${file}`, {
      hint: 'run `lockstep update`, and commit the lockfile',
    });
  }
}

/** @param file what the text is called in errors. Throws E_LOCK_SYNTAX. */
export function parseLockfile(text: string, file: string): Lockfile {
  refuseConflictMarkers(text, file);
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !line.startsWith('#'));
  const start = first === -1 ? lines.length : first;
  try {
    const stanzas = parseStanzas(lines.slice(start).join('\n'), start + 1);
    const packages = stanzas.map((stanza) => lockedPackage(stanza));
    if (packages.length === 0) throw new Deb822Error(1, 'it holds no package');
    refuseDuplicates(packages);
    const inputs = parseInputs(lines.slice(0, start));
    if (inputs !== null && lines.at(-1) !== '')
      throw new Deb822Error(lines.length, 'it ends within a line: it was cut short');
    return { file, text, digest: lockDigest(text), inputs, packages };
  } catch (error) {
    if (error instanceof Deb822Error) throw syntax(file, error.line, error.message);
    throw error;
  }
}

/** The text of a lockfile; the order of the packages given does not matter. */
export function formatLockfile(inputs: LockInputs, packages: readonly LockedPackage[]): string {
  const key = (locked: LockedPackage) => `${locked.package} ${locked.architecture}`;
  const stanzas = [...packages].sort((a, b) => (key(a) < key(b) ? -1 : 1)).map((locked) => locked.fields);
  return formatInputs(inputs) + formatStanzas(stanzas);
}

/** Replaces the file whole or not at all, and does not touch it when its bytes are the same. True when it was written. */
export async function writeLockfile(file: string, text: string): Promise<boolean> {
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === text) return false;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, file);
    return true;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw cannotWrite(file, error as NodeJS.ErrnoException);
  }
}

/** sha256 of a lockfile's bytes, in hexadecimal. */
export function lockDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Throws E_LOCK_STALE, naming what differs, when a lockfile was made for another configuration of the image. */
export function checkLockfile(lockfile: Lockfile, image: ImageConfig): void {
  const inputs = lockfile.inputs;
  const differences = inputs === null ? undeclared(image) : staleness(inputs, inputsOf(image));
  const reasons = differences.length > 0 ? differences : contradictions(lockfile, image);
  if (reasons.length === 0) return;
  const shown = reasons.slice(0, 5).map((reason) => `\n  ${reason}`);
  const more = reasons.length > 5 ? `\n  and ${reasons.length - 5} more` : '';
  throw new LockstepError(
    'E_LOCK_STALE',
    `${lockfile.file} does not match image ${image.name}:${shown.join('')}${more}`,
    {
      hint: 'run `lockstep update`, and commit the lockfile',
    },
  );
}

/**
 * apt2ostree's lockfiles do not say what they were made for: whoever names one in lockstep.yml vouches that it is the
 * image's. One under lockstep's own name has lost the lines that say it.
 */
function undeclared(image: ImageConfig): string[] {
  return image.namedLockfile === true ? [] : ['it does not say what it was made for'];
}

/** A lockfile that says it fits may have been edited or merged by hand: what it holds must fit too. */
function contradictions({ packages }: Lockfile, image: ImageConfig): string[] {
  const foreign = packages.filter((locked) => locked.architecture !== image.arch && locked.architecture !== 'all');
  const there = new Set(packages.flatMap((locked) => [locked.package, ...provides(locked)]));
  const pinned = new Set(packages.map((locked) => locked.package));
  return [
    ...foreign.map((locked) => `${locked.package} is for ${locked.architecture}, the image is ${image.arch}`),
    ...wantedPackages(image)
      .filter((name) => !there.has(name))
      .map((name) => `the package ${name} is missing from it`),
    ...image.exclude.filter((name) => pinned.has(name)).map((name) => `the excluded package ${name} is in it`),
  ];
}

function refuseConflictMarkers(text: string, file: string): void {
  const index = text.split('\n').findIndex((line) => /^(<{7}|={7}|>{7}|\|{7})( |$)/.test(line));
  if (index === -1) return;
  throw new LockstepError(
    'E_LOCK_SYNTAX',
    `${file}:${index + 1}: a conflict marker of git: the merge is not finished`,
    {
      hint: 'run `lockstep update`, which settles the merge by making the lockfile anew, then `git add` it',
    },
  );
}

function refuseDuplicates(packages: readonly LockedPackage[]): void {
  const seen = new Map<string, number>();
  for (const { package: name, fields } of packages) {
    const before = seen.get(name);
    if (before !== undefined) throw new Deb822Error(fields.line, `${name} is there twice, first in line ${before}`);
    seen.set(name, fields.line);
  }
}

function syntax(file: string, line: number, message: string): LockstepError {
  return new LockstepError('E_LOCK_SYNTAX', `${file}:${line}: ${message}`, {
    hint: 'restore it from version control, or make it anew with `lockstep update`',
  });
}

function cannotWrite(file: string, error: NodeJS.ErrnoException): LockstepError {
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  if (full) return new LockstepError('E_DISK_FULL', `the disk is full: ${file} was not changed`, { cause: error });
  return new LockstepError('E_LOCK_WRITE', `cannot write ${file}: ${error.message}`, { cause: error });
}
