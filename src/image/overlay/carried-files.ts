import { createHash } from 'node:crypto';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { filesLayer, type OverlayLayer } from './overlay.ts';
import { ownedByRoot } from './overlay-entry.ts';

/** A file that lockstep itself puts into an image: of root, mode 0644. */
export interface CarriedFile {
  /** Relative to the root. */
  path: string;
  content: Buffer;
}

export function carriedLayer(toolbox: Toolbox, files: readonly CarriedFile[]): OverlayLayer {
  const entries = files.map(({ path: name, content }) => {
    const identity = createHash('sha256').update(content).digest('hex');
    return ownedByRoot({ name, kind: 'file', mode: 0o644, size: content.length, identity, label: name });
  });
  const contents = async function* () {
    for (const { path: name, content } of files)
      yield {
        name,
        body: (async function* () {
          yield content;
        })(),
      };
  };
  return filesLayer(toolbox, { entries, contents });
}
