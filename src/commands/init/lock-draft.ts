import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadLockfile } from '../../apt/lockfile/lockfile.ts';
import { configName } from '../../config/load.ts';
import { workspaceOf } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Draft } from '../../peers/draft.ts';
import { projectText } from '../../peers/project-text.ts';
import { type CommonOptions, openContext } from '../context.ts';
import { update } from '../update/update.ts';
import type { Context } from '../verb.ts';
import { lockAsInstalled } from './lock-as-installed.ts';
import type { NewFile } from './place-files.ts';
import type { Peer } from './read-peer.ts';

export interface LockOptions {
  name: string;
  toolbox: CommonOptions['toolbox'];
  withoutSuite: string[];
}

/** A project in the making, beside the one that it is to be: nothing of that is touched before all is well. */
export interface Scratch {
  dir: string;
  name: string;
  context: Context;
  /** Writes lockstep.yml and makes the lockfile, as `lockstep update` does. */
  resolve(draft: Draft): Promise<void>;
}

/** The draft as it is after it was resolved, and the files that pin it. */
export interface Locked {
  draft: Draft;
  files: NewFile[];
  /** How many packages are pinned. */
  packages: number;
}

/** Resolves a draft in a scratch directory, and hands what came of it to `use` before that is removed. Throws E_APT_*, E_TOOLBOX_*. */
export async function withLocked<T>(
  context: Context,
  peer: Peer,
  options: LockOptions,
  use: (locked: Locked) => Promise<T>,
): Promise<T> {
  const { name, toolbox, withoutSuite } = options;
  const dir = path.join(workspaceOf(context.dir).dir, 'init');
  await mkdir(dir, { recursive: true });
  const open = () => openContext({ C: dir, toolbox }, context.progress, context.signal, context.ask);
  const opened = open();
  const inner = { ...opened, environment: context.environment };
  const resolve = async (draft: Draft) => {
    await writeFile(path.join(dir, configName), projectText(draft, { name, from: peer.from }));
    // A context reads lockstep.yml once; the toolbox stays open.
    await update.run({ ...open(), toolbox: inner.toolbox, environment: inner.environment }, { withoutSuite }, []);
  };
  // What lies there is of an apt in the toolbox, which may be another user.
  const clear = async () => (await opened.toolbox()).run(['rm', '-rf', '--one-file-system', workspaceOf(dir).apt]);
  try {
    await writeFile(path.join(dir, configName), projectText(peer.draft, { name, from: peer.from }));
    await clear();
    const draft = await lockAsInstalled({ dir, name, context: inner, resolve }, peer, withoutSuite);
    const { packages } = await loadLockfile(path.join(dir, `${name}.lock`));
    return await use({ draft, files: await filesIn(dir, context.dir), packages: packages.length });
  } catch (error) {
    throw nothingWritten(error);
  } finally {
    await clear().catch(() => undefined);
    await opened.close();
    await rm(dir, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What an update wrote beside lockstep.yml. */
async function filesIn(from: string, to: string): Promise<NewFile[]> {
  const names = (await readdir(from)).filter((file) => file !== configName && !file.startsWith('.'));
  return names.sort().map((file) => ({ file: path.join(to, file), content: { from: path.join(from, file) } }));
}

function nothingWritten(error: unknown): unknown {
  if (!(error instanceof LockstepError) || !error.code.startsWith('E_APT_')) return error;
  const hint = `${error.hint === null ? '' : `${error.hint}; `}nothing was written: \`--no-lock\` writes lockstep.yml alone, to be corrected by hand`;
  return new LockstepError(error.code, error.message, { hint, cause: error });
}
