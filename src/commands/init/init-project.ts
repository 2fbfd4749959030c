import { access } from 'node:fs/promises';
import path from 'node:path';
import { configName } from '../../config/load.ts';
import { workspaceOf } from '../../config/workspace.ts';
import { type Note, noteText } from '../../peers/draft.ts';
import { projectText } from '../../peers/project-text.ts';
import type { CommonOptions } from '../context.ts';
import { lockProject } from '../lock.ts';
import { type Context, type Outcome, ok } from '../verb.ts';
import { withLocked } from './lock-draft.ts';
import { existing, placeFiles } from './place-files.ts';
import { type PeerOptions, readPeer } from './read-peer.ts';

export interface InitProjectOptions extends PeerOptions {
  force?: boolean;
  /** `--no-lock` makes it false. */
  lock?: boolean;
  withoutSuite?: string[];
  image?: string[];
  toolbox?: CommonOptions['toolbox'];
}

/** Writes lockstep.yml and a lockfile from what another tool or a device has. All of it is written, or nothing. */
export async function initProject(context: Context, options: InitProjectOptions): Promise<Outcome> {
  const { force = false, lock = true, withoutSuite = [], toolbox } = options;
  const name = options.image?.[0] ?? 'panel';
  const file = path.join(context.dir, configName);
  const lockfile = path.join(context.dir, `${name}.lock`);
  if (!force) await refuseExisting(lock ? [file, lockfile] : [file]);
  const peer = await readPeer(context, options);
  const text = (draft: typeof peer.draft) => projectText(draft, { name, from: peer.from });
  if (!lock) {
    await placeFiles([{ file, content: text(peer.draft) }], { force });
    return told([`wrote ${file}`], peer.draft.notes, 'lockstep update', { file, lockfile: null });
  }
  const unlock = await lockProject(workspaceOf(context.dir), 'init');
  try {
    return await withLocked(context, peer, { name, toolbox, withoutSuite }, async ({ draft, files, packages }) => {
      await placeFiles([...files, { file, content: text(draft) }], { force });
      const asked = `${draft.image.packages.length} packages asked for`;
      const wrote = [`wrote ${file}: ${asked}`, `wrote ${lockfile}: ${packages} packages pinned`];
      return told(wrote, draft.notes, 'lockstep build', { file, lockfile });
    });
  } finally {
    await unlock();
  }
}

function told(wrote: string[], notes: readonly Note[], next: string, fields: Record<string, unknown>): Outcome {
  const lost = notes.length === 0 ? [] : ['not carried over:', ...notes.map((note) => `  ${noteText(note)}`)];
  return ok([...wrote, ...lost, `next: \`${next}\``].join('\n'), { ...fields, notes });
}

/** Before a device is asked or anything resolved. */
async function refuseExisting(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) throw existing(file);
  }
}
