import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { nearest } from '../config/nearest.ts';
import type { CacheConfig, Config, DeviceConfig, ImageConfig } from '../config/types.ts';
import { workspaceOf } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { CommitSource } from '../ostree/commit-source.ts';
import type { Progress } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import type { Context } from './verb.ts';

/** The flags that every verb takes. */
export interface CommonOptions {
  C?: string;
  image?: string[];
  device?: string[];
  label?: string;
  toolbox?: 'auto' | 'docker' | 'host';
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

export interface OpenContext extends Context {
  /** Closes the toolbox, if one was opened. */
  close(): Promise<void>;
}

export function openContext(
  options: CommonOptions,
  progress: Progress,
  signal: AbortSignal,
  ask?: Context['ask'],
): OpenContext {
  const dir = path.resolve(options.C ?? '.');
  const config = once(async () => {
    // Schema and YAML parser take half of the time that a verb without configuration needs.
    const { loadConfig } = await import('../config/load.ts');
    return loadConfig(dir);
  });
  const toolbox = once(async (): Promise<Toolbox> => {
    const { root, cache } = await config();
    const { openToolbox } = await import('../toolbox/choose.ts');
    const shared = await sharedDirectories(cache);
    return openToolbox(options.toolbox ?? 'auto', { workspace: workspaceOf(root), root, shared, signal, progress });
  });
  const source = once(async (): Promise<CommitSource> => {
    const { CommitSource } = await import('../ostree/commit-source.ts');
    return new CommitSource(toolbox, workspaceOf((await config()).root));
  });
  return {
    dir,
    progress,
    signal,
    environment: process.env,
    ask,
    config,
    toolbox,
    source,
    workspace: async () => workspaceOf((await config()).root),
    images: async () => chooseImages(await config(), options.image ?? []),
    devices: async () => chooseDevices(await config(), options),
    close: async () => {
      await (await source.started()?.catch(() => undefined))?.close();
      await (await toolbox.started()?.catch(() => undefined))?.close();
    },
  };
}

/** A container sees what is there when it starts. */
async function sharedDirectories(cache: CacheConfig | null): Promise<string[]> {
  if (cache === null || !path.isAbsolute(cache.remote)) return [];
  // That it cannot be made is told when it is used.
  if (cache.push) await mkdir(cache.remote, { recursive: true }).catch(() => {});
  return [cache.remote];
}

function once<T>(make: () => Promise<T>): (() => Promise<T>) & { started(): Promise<T> | undefined } {
  let made: Promise<T> | undefined;
  const get = () => {
    made ??= make();
    return made;
  };
  return Object.assign(get, { started: () => made });
}

function chooseImages({ images }: Config, names: string[]): ImageConfig[] {
  if (names.length === 0) return images;
  return names.map((name) => {
    const found = images.find((image) => image.name === name);
    if (found === undefined)
      throw noSuch(
        'E_NO_SUCH_IMAGE',
        'image',
        name,
        images.map((image) => image.name),
      );
    return found;
  });
}

function chooseDevices({ devices }: Config, { device: names = [], label, image }: CommonOptions): DeviceConfig[] {
  const known = devices.map((device) => device.name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw noSuch('E_NO_SUCH_DEVICE', 'device', unknown, known);
  const chosen = devices
    .filter((device) => names.length === 0 || names.includes(device.name))
    .filter((device) => label === undefined || device.labels.includes(label))
    .filter((device) => image === undefined || image.includes(device.image));
  if (label !== undefined && chosen.length === 0) {
    throw noSuch(
      'E_NO_SUCH_DEVICE',
      'device with the label',
      label,
      devices.flatMap((device) => device.labels),
    );
  }
  return chosen;
}

function noSuch(
  code: 'E_NO_SUCH_IMAGE' | 'E_NO_SUCH_DEVICE',
  kind: string,
  name: string,
  known: string[],
): LockstepError {
  const meant = nearest(name, known);
  const hint =
    meant === null ? `lockstep.yml has: ${[...new Set(known)].join(', ') || 'none'}` : `did you mean ${meant}?`;
  return new LockstepError(code, `lockstep.yml has no ${kind} ${name}`, { hint });
}
