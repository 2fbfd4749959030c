import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { type Resolution, type ResolveOptions, resolveImage } from '../../src/apt/resolve.ts';
import { archiveKeyring } from '../../src/apt/root/private-root.ts';
import type { ImageConfig, PinConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import type { LoopbackArchive, Published } from '../apt/loopback-archive.ts';
import { imageConfig, stanzaText } from '../apt/samples.ts';

export const base = stanzaText('base', '1', { Essential: 'yes' });

/** Resolves an image again and again, each time from what an archive then has and from the lockfile of the time before. */
export class HeldImage {
  readonly archive: LoopbackArchive;
  readonly #dir: string;
  readonly #toolbox: Toolbox;
  #lock: string | null = null;

  private constructor(archive: LoopbackArchive, dir: string, toolbox: Toolbox) {
    this.archive = archive;
    this.#dir = dir;
    this.#toolbox = toolbox;
  }

  static async open(archive: LoopbackArchive): Promise<HeldImage> {
    await archive.clear();
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep hold-'));
    const options = { workspace: workspaceOf(dir), root: dir, signal: new AbortController().signal };
    return new HeldImage(archive, dir, await openHostToolbox(options));
  }

  /** Publishes suites with these packages beside the essential one. */
  async publish(packages: readonly Published[], suite = 'stable'): Promise<void> {
    await this.archive.publish(suite, { packages: [base, ...packages], date: new Date() });
  }

  /** Resolves, and takes what came of it for the lockfile from then on. */
  async update(changes: Partial<ImageConfig> = {}, options: Partial<ResolveOptions> = {}): Promise<Resolution> {
    const image = imageConfig({ mirror: this.archive.url, suites: ['stable'], packages: ['app'], ...changes });
    const locked = this.#lock === null ? [] : parseLockfile(this.#lock, 'panel.lock').packages;
    const own = { toolbox: this.#toolbox, workspace: workspaceOf(this.#dir), keyring: this.archive.keyring, locked };
    const resolution = await resolveImage(image, { ...own, ...options });
    this.#lock = resolution.text;
    return resolution;
  }

  async close(): Promise<void> {
    await this.#toolbox.close();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** `name version` of each package but the essential one. */
export function versionsOf({ packages }: Resolution): string[] {
  return packages
    .map((each) => `${each.package} ${each.version}`)
    .filter((text) => !text.startsWith('base '))
    .sort();
}

export function pin(name: string, version: string, reason = 'it broke'): PinConfig {
  return { package: name, version, reason, expires: null };
}

/**
 * A command under which the toolbox's archive keyring is another one, for runs of the command line: to it alone, in a
 * mount namespace of its own.
 */
export function underKeyring(keyring: string): string[] {
  const bind = `mount --bind "$0" ${archiveKeyring} && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-euc', bind, keyring];
}
