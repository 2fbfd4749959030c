import type { Toolbox } from '../toolbox/toolbox.ts';
import { type OverlayEntry, packOverlay } from './overlay.ts';

/**
 * Lays an overlay into a root in the toolbox. Files are replaced, never written into (tar's default), as the root may be
 * hard-linked to the repository. A directory that is there keeps its owner and mode, a link to a directory (/bin, /lib) stays a link.
 */
export async function extractOverlay(toolbox: Toolbox, root: string, entries: readonly OverlayEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const options = ['--no-overwrite-dir', '--keep-directory-symlink', '--same-permissions'];
  await toolbox.run(['tar', '--extract', `--directory=${root}`, ...options, '--file=-'], {
    input: packOverlay(entries),
  });
}
