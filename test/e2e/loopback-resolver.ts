import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Resolution, type ResolveOptions, resolveImage } from '../../src/apt/resolve.ts';
import type { ImageConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { imageConfig } from '../apt/samples.ts';

/** Resolves images from archives of the test's own, by the host toolbox, in a project directory that is gone afterwards. */
export class LoopbackResolver {
  readonly archive: LoopbackArchive;
  readonly dir: string;
  readonly toolbox: Toolbox;

  private constructor(archive: LoopbackArchive, dir: string, toolbox: Toolbox) {
    this.archive = archive;
    this.dir = dir;
    this.toolbox = toolbox;
  }

  static async open(): Promise<LoopbackResolver> {
    // With a blank, as paths of users may have one.
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep resolve-'));
    const signal = new AbortController().signal;
    const toolbox = await openHostToolbox({ workspace: workspaceOf(dir), root: dir, signal });
    return new LoopbackResolver(await LoopbackArchive.open(), dir, toolbox);
  }

  /** The suite `stable` of the area `debian`, unless the image says otherwise. */
  image(changes: Partial<ImageConfig> = {}): ImageConfig {
    const lockfile = path.join(this.dir, `${changes.name ?? 'panel'}.lock`);
    return imageConfig({ mirror: this.archive.url, suites: ['stable'], packages: ['tool'], lockfile, ...changes });
  }

  get options(): ResolveOptions {
    const { toolbox, dir, archive } = this;
    return { toolbox, workspace: workspaceOf(dir), keyring: archive.keyring };
  }

  resolve(changes: Partial<ImageConfig> = {}, options: Partial<ResolveOptions> = {}): Promise<Resolution> {
    return resolveImage(this.image(changes), { ...this.options, ...options });
  }

  async close(): Promise<void> {
    await this.toolbox.close();
    await this.archive.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** `name version` of each package, sorted. */
export function namesOf({ packages }: Pick<Resolution, 'packages'>): string[] {
  return packages.map((entry) => `${entry.package} ${entry.version}`).sort();
}
