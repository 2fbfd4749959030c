import path from 'node:path';
import type { z } from 'zod';
import { archiveContradictions, archiveKeys } from './archive.ts';
import { milliseconds } from './duration.ts';
import { extendAll } from './extends.ts';
import { type CompleteImageEntry, type ImageEntry, requiredKeys } from './image-schema.ts';
import { configError, type KnownKeys } from './problems.ts';
import type { Source } from './source.ts';
import type { ImageConfig, OverlayConfig } from './types.ts';

type Issue = z.core.$ZodIssue;

/** The images to build: each with what it inherits, defaults filled in and paths made absolute. */
export function imagesOf(source: Source, entries: Record<string, ImageEntry>, keys: KnownKeys): ImageConfig[] {
  const whole = extendAll(source, entries);
  const missing = Object.entries(whole).flatMap(([name, entry]) => missingKeys(name, entry));
  if (missing.length > 0) throw configError(source, missing, keys);
  const images = Object.entries(whole).map(([name, entry]) =>
    imageOf(source.directory, name, entry as CompleteImageEntry),
  );
  const contradictions = [...sharedLockfiles(images), ...images.flatMap(archiveContradictions)];
  if (contradictions.length > 0) throw configError(source, contradictions, keys);
  return images;
}

/** Each image's update would overwrite the other's lockfile. */
function sharedLockfiles(images: readonly ImageConfig[]): Issue[] {
  return images.flatMap(({ name, lockfile }, index) => {
    const other = images.slice(0, index).find((image) => image.lockfile === lockfile);
    if (other === undefined) return [];
    const message = `${path.basename(lockfile)} is the lockfile of ${other.name} already`;
    return [{ code: 'custom', path: ['images', name, 'lockfile'], message, input: lockfile }];
  });
}

/** What entries lack that stand for themselves alone: told together with other mistakes in the file. */
export function missingInFile(value: unknown): Issue[] {
  const images = (value as { images?: unknown } | null)?.images;
  if (typeof images !== 'object' || images === null) return [];
  return Object.entries(images).flatMap(([name, entry]) => {
    const alone = typeof entry === 'object' && entry !== null && !('extends' in entry) && !name.startsWith('.');
    return alone ? missingKeys(name, entry) : [];
  });
}

function missingKeys(name: string, entry: object): Issue[] {
  const missing = requiredKeys.filter((key) => (entry as Record<string, unknown>)[key] === undefined);
  return missing.map((key) => ({
    code: 'invalid_type',
    expected: key === 'arch' ? 'string' : 'array',
    path: ['images', name, key],
    message: 'received undefined',
    input: undefined,
  }));
}

function imageOf(root: string, name: string, entry: CompleteImageEntry): ImageConfig {
  const absolute = (files: readonly string[] = []) => files.map((file) => path.resolve(root, file));
  return {
    name,
    arch: entry.arch,
    suites: entry.suites,
    packages: [...new Set(entry.packages)],
    ...archiveKeys(root, entry),
    debs: [...new Set(entry.debs)],
    overlay: (entry.overlay ?? []).map((layer) => overlayOf(root, layer)),
    run: {
      unpacked: absolute(entry.run?.unpacked),
      configured: absolute(entry.run?.configured),
      finalized: absolute(entry.run?.finalized),
    },
    mirror: entry.mirror?.replace(/\/+$/, '') ?? null,
    archives: (entry.archives ?? []).map((base) => base.replace(/(?<=.)\/+$/, '')),
    version: entry.version ?? null,
    kargs: entry.kargs ?? [],
    locale: entry.locale ?? null,
    timezone: entry.timezone ?? null,
    hostname: entry.hostname ?? null,
    pins: (entry.pins ?? []).map((pin) => ({ ...pin, expires: pin.expires ?? null })),
    minimumAge: milliseconds(entry.minimumAge ?? '0s'),
    lockfile: path.join(root, entry.lockfile ?? `${name}.lock`),
    namedLockfile: entry.lockfile !== undefined,
    passwd: path.join(root, `${name}.passwd`),
    group: path.join(root, `${name}.group`),
  };
}

function overlayOf(root: string, layer: NonNullable<ImageEntry['overlay']>[number]): OverlayConfig {
  if (typeof layer === 'string') return { path: path.resolve(root, layer), manifest: null };
  if ('ref' in layer) return { ref: layer.ref, repo: layer.repo === undefined ? null : path.resolve(root, layer.repo) };
  const { manifest } = layer;
  return {
    path: path.resolve(root, layer.path),
    manifest: manifest === undefined ? null : path.resolve(root, manifest),
  };
}
