import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { type Resolution, type ResolveOptions, resolveImage } from '../../src/apt/resolve.ts';
import type { ImageConfig, PinConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { LoopbackArchive, type Published } from '../apt/loopback-archive.ts';
import { imageConfig, stanzaText } from '../apt/samples.ts';

export const base = stanzaText('base', '1', { Essential: 'yes' });

/** The image of a suite of tests; each test begins with an archive that has nothing and an image without a lockfile. */
export function heldImage(): HeldImage {
  const image = new HeldImage();
  before(() => image.open());
  after(() => image.close());
  beforeEach(() => image.begin());
  afterEach(() => image.end());
  return image;
}

/**
 * Resolves an image again and again, each time from what a signed archive on loopback then has and from the lockfile of
 * the time before.
 */
class HeldImage {
  #archive!: LoopbackArchive;
  #dir!: string;
  #toolbox!: Toolbox;
  #lock: string | null = null;

  get archive(): LoopbackArchive {
    return this.#archive;
  }

  async open(): Promise<void> {
    this.#archive = await LoopbackArchive.open();
  }

  async begin(): Promise<void> {
    await this.#archive.clear();
    this.#lock = null;
    this.#dir = await mkdtemp(path.join(tmpdir(), 'lockstep hold-'));
    const options = { workspace: workspaceOf(this.#dir), root: this.#dir, signal: new AbortController().signal };
    this.#toolbox = await openHostToolbox(options);
  }

  async end(): Promise<void> {
    await this.#toolbox.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.#archive.close();
  }

  /** Publishes suites with these packages beside the essential one. */
  async publish(packages: readonly Published[], suite = 'stable'): Promise<void> {
    await this.#archive.publish(suite, { packages: [base, ...packages], date: new Date() });
  }

  /** Resolves, and takes what came of it for the lockfile from then on. */
  async update(changes: Partial<ImageConfig> = {}, options: Partial<ResolveOptions> = {}): Promise<Resolution> {
    const image = imageConfig({ mirror: this.#archive.url, suites: ['stable'], packages: ['app'], ...changes });
    const locked = this.#lock === null ? [] : parseLockfile(this.#lock, 'panel.lock').packages;
    const own = { toolbox: this.#toolbox, workspace: workspaceOf(this.#dir), keyring: this.#archive.keyring, locked };
    const resolution = await resolveImage(image, { ...own, ...options });
    this.#lock = resolution.text;
    return resolution;
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
