import { stat } from 'node:fs/promises';
import type { OverlayConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { type BuildEnvironment, digestOf } from '../stage.ts';
import { readManifest } from './manifest.ts';
import { entriesDigest, withManifest } from './overlay-entry.ts';
import { extractEntries } from './overlay-extraction.ts';
import { type OverlayFiles, readDirectory } from './overlay-files.ts';
import { openRef } from './overlay-ref.ts';
import { readTarOverlay } from './overlay-tar.ts';

/** One layer of what is laid over an image, later ones on top. */
export interface OverlayLayer {
  /** Digest of everything that it puts into the image. */
  digest: string;
  /**
   * Lays it into a root in the toolbox. Files are replaced, never written into, as the root is hard-linked to the
   * repository. Throws E_OVERLAY.
   */
  lay(root: string): Promise<void>;
  /** What of it has one of the names wanted; null: nothing. It may be more, and then its digest covers that too. */
  part(wanted: (name: string) => boolean): OverlayLayer | null;
}

/** Opens what `overlay:` names. Throws E_OVERLAY. */
export async function openOverlay(build: BuildEnvironment, layers: readonly OverlayConfig[]): Promise<OverlayLayer[]> {
  const opened: OverlayLayer[] = [];
  for (const layer of layers) {
    opened.push('ref' in layer ? await openRef(build, layer) : filesLayer(build.toolbox, await readFiles(layer)));
  }
  return opened;
}

export function overlayDigest(layers: readonly OverlayLayer[]): string {
  return digestOf(...layers.map(({ digest }) => digest));
}

export async function layOverlay(layers: readonly OverlayLayer[], root: string): Promise<void> {
  for (const layer of layers) await layer.lay(root);
}

/** A layer of files that this process reads. */
export function filesLayer(toolbox: Toolbox, files: OverlayFiles): OverlayLayer {
  return {
    digest: entriesDigest(files.entries),
    lay: (root) => extractEntries(toolbox, root, files),
    part(wanted) {
      const chosen = files.entries.filter(({ name, kind }) => kind !== 'directory' && wanted(name));
      // A hard link is nothing without the file that it shares.
      const shared = new Set(chosen.filter(({ kind }) => kind === 'link').map(({ identity }) => identity));
      const entries = files.entries.filter((entry) => chosen.includes(entry) || shared.has(entry.name));
      return entries.length === 0 ? null : filesLayer(toolbox, { ...files, entries });
    },
  };
}

/** The entries of a directory or tar with the owners and modes of its manifest. Throws E_OVERLAY. */
export async function readFiles({ path, manifest }: { path: string; manifest: string | null }): Promise<OverlayFiles> {
  const files = await readUnowned(path);
  return manifest === null ? files : { ...files, entries: withManifest(files.entries, await readManifest(manifest)) };
}

async function readUnowned(path: string): Promise<OverlayFiles> {
  try {
    return (await stat(path)).isDirectory() ? await readDirectory(path) : await readTarOverlay(path);
  } catch (cause) {
    if (cause instanceof LockstepError) throw cause;
    throw new LockstepError('E_OVERLAY', `cannot read the overlay ${path}: ${(cause as Error).message}`, {
      hint: 'correct `overlay:` of the image in lockstep.yml',
      cause,
    });
  }
}
