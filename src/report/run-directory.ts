import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';

/**
 * A fresh directory for the results of a run, out of sight until it is published: what stands in `.lockstep/run` is all
 * of one run or all of the one before.
 */
export interface RunDirectory {
  path: string;
  /** Puts it in the place of `.lockstep/run` and takes the old one away. */
  publish(): Promise<void>;
  /** Takes it away; the results of the run before stay. Nothing to do when it was published. */
  discard(): Promise<void>;
}

/** @param carry names of devices whose logs of the run before are still about what they run now. */
export async function openRunDirectory(workspace: Workspace, carry: readonly string[] = []): Promise<RunDirectory> {
  const fresh = path.join(workspace.work, `run-${randomUUID()}`);
  await sweep(workspace.work);
  await mkdir(fresh, { recursive: true });
  for (const device of carry) await carryLogs(workspace.run, fresh, device);
  return {
    path: fresh,
    async publish() {
      const old = `${fresh}-old`;
      await rename(workspace.run, old).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await rename(fresh, workspace.run);
      await rm(old, { recursive: true, force: true });
    },
    discard: () => rm(fresh, { recursive: true, force: true }),
  };
}

/** Runs are one at a time in a project: what another one left here died with it. */
async function sweep(work: string): Promise<void> {
  const left = (await readdir(work).catch(() => [])).filter((name) => name.startsWith('run-'));
  await Promise.all(left.map((name) => rm(path.join(work, name), { recursive: true, force: true })));
}

/** What tests of the run before left is theirs alone and stays behind. */
async function carryLogs(from: string, to: string, device: string): Promise<void> {
  const [source, target] = [from, to].map((directory) => path.join(directory, 'devices', device));
  const ofTests = ['artifacts', 'journal.log'].map((name) => path.join(source!, name));
  const filter = (file: string) => !ofTests.includes(file);
  await cp(source!, target!, { recursive: true, filter }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
