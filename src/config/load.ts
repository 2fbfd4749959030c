import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import { LockstepError } from '../errors/index.ts';
import { cacheKeys, cacheOf } from './cache.ts';
import { milliseconds } from './duration.ts';
import { imagesOf, missingInFile } from './image.ts';
import { innerKeys } from './image-schema.ts';
import { configError } from './problems.ts';
import { deviceSchemas, type FileConfig, fileSchema } from './schema.ts';
import { type KeyPath, parseSource, type Source } from './source.ts';
import {
  type Config,
  type DeviceConfig,
  fingerprintForm,
  type ImageConfig,
  type PowerConfig,
  type RefreshConfig,
  type SigningConfig,
} from './types.ts';

export const configName = 'lockstep.yml';

/** Reads and checks `<root>/lockstep.yml`. Throws E_CONFIG_… naming file and line of every mistake. */
export async function loadConfig(root: string): Promise<Config> {
  const file = path.join(root, configName);
  return parseConfig(file, await readText(file));
}

/** The same for a text at hand; paths in it are relative to the file's directory. */
export function parseConfig(file: string, text: string): Config {
  const source = parseSource(file, text);
  const checked = fileSchema.safeParse(source.value ?? {});
  const missing = missingInFile(source.value);
  if (!checked.success) throw configError(source, [...checked.error.issues, ...missing], knownKeys);
  if (missing.length > 0) throw configError(source, missing, knownKeys);
  const root = path.dirname(file);
  const images = imagesOf(source, checked.data.images, knownKeys);
  return {
    file,
    root,
    images,
    devices: Object.entries(checked.data.devices).map(([name, entry]) => deviceOf(source, images, name, entry)),
    tests: { dir: path.resolve(root, checked.data.tests.dir), timeoutMs: milliseconds(checked.data.tests.timeout) },
    refresh: refreshOf(checked.data.refresh),
    signing: signingOf(root, checked.data.signing),
    cache: cacheOf(root, checked.data.cache),
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new LockstepError('E_CONFIG_MISSING', `there is no ${configName} in ${path.dirname(file)}`, {
      hint: 'name its directory with `-C DIR`, or write one with `lockstep init`',
    });
  }
}

function deviceOf(source: Source, images: ImageConfig[], name: string, entry: Record<string, unknown>): DeviceConfig {
  const at: KeyPath = ['devices', name];
  const image = imageOfDevice(source, images, at, entry.image);
  if (entry.virtual === true) {
    const checked = deviceSchemas.virtual.safeParse(entry);
    if (!checked.success) throw configError(source, checked.error.issues, knownKeys, at);
    return { ...checked.data, name, image };
  }
  const checked = deviceSchemas.real.safeParse(entry);
  if (!checked.success) throw configError(source, checked.error.issues, knownKeys, at);
  const { identity, power } = checked.data;
  const identityFile = identity === undefined ? null : path.resolve(source.directory, inHome(identity));
  return { ...checked.data, name, image, virtual: false, identity: identityFile, power: powerOf(power) };
}

/** `~/x` as a shell would have it. */
function inHome(file: string): string {
  return file.startsWith('~/') ? path.join(homedir(), file.slice(2)) : file;
}

function powerOf(entry: z.infer<typeof deviceSchemas.real>['power']): PowerConfig | undefined {
  if (entry === undefined) return undefined;
  const { timeout, pause, ...rest } = entry;
  return { ...rest, timeoutMs: milliseconds(timeout), pauseMs: milliseconds(pause) };
}

function imageOfDevice(source: Source, images: ImageConfig[], at: KeyPath, wanted: unknown): string {
  const names = images.map((image) => image.name);
  const only = names[0];
  if (wanted === undefined && names.length === 1 && only !== undefined) return only;
  const place = source.locate([...at, 'image']);
  const hint = `images are: ${names.join(', ')}`;
  if (wanted === undefined)
    throw new LockstepError('E_CONFIG_KEY', `${place}: "${at.join('.')}.image" is missing`, { hint });
  if (typeof wanted === 'string' && names.includes(wanted)) return wanted;
  throw new LockstepError('E_CONFIG_VALUE', `${place}: "${at.join('.')}.image" names no image: ${String(wanted)}`, {
    hint,
  });
}

function refreshOf(entry: FileConfig['refresh']): RefreshConfig {
  return { ...entry, gate: entry.gate === 'none' ? null : entry.gate };
}

function signingOf(root: string, entry: FileConfig['signing']): SigningConfig | null {
  if (entry === undefined) return null;
  const file = (name: string) => (name.startsWith('$') ? name : path.resolve(root, name));
  const { key, publicKey, passphraseFile, passphraseEnv = null, remote } = entry;
  return {
    key: fingerprintForm.test(key) ? key.toUpperCase() : file(key),
    publicKey: path.resolve(root, publicKey),
    passphraseFile: passphraseFile === undefined ? null : file(passphraseFile),
    passphraseEnv,
    remote: remote === undefined ? null : { name: remote.name ?? null, url: remote.url ?? null },
  };
}

function knownKeys(keyPath: KeyPath): readonly string[] {
  const [top, , inner] = keyPath.map(String);
  if (top === undefined) return Object.keys(fileSchema.shape);
  if (top === 'images' && inner === undefined) return Object.keys(fileSchema.shape.images.valueType.shape);
  if (top === 'images') return innerKeys[String(inner)] ?? [];
  if (top === 'devices' && inner === 'power') return ['on', 'off', 'cycle', 'timeout', 'pause', 'afterSilence'];
  if (top === 'devices')
    return [...new Set(Object.values(deviceSchemas).flatMap((schema) => Object.keys(schema.shape)))];
  if (top === 'cache') return cacheKeys;
  if (top === 'tests') return ['dir', 'timeout'];
  if (top === 'refresh') return keyPath.length > 1 ? ['jenkins', 'job'] : ['branch', 'base', 'remote', 'gate'];
  if (top === 'signing') {
    if (keyPath.length > 1) return ['name', 'url'];
    return ['key', 'publicKey', 'passphraseFile', 'passphraseEnv', 'remote'];
  }
  return [];
}
