import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MountSettings } from 'dockerode';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';

/** What a container has to do with: a project and its `.lockstep`. */
export interface Project {
  root: string;
  workspace: Workspace;
  shared?: readonly string[];
}

/** Container label that says which project a container works for. */
export const projectLabel = 'lockstep.project';

/** Container label: `lease` for what lives as long as an agent, `daemon` for what outlives it. */
export const kindLabel = 'lockstep.kind';

/** 12 hex digits that stand for a project's directory. */
export function projectDigest(root: string): string {
  return createHash('sha256').update(root).digest('hex').slice(0, 12);
}

/**
 * The project to read and its `.lockstep` to write, at the paths they have here. All that is written is under one mount:
 * hard links between two mounts fail, even of the same file system.
 */
export function projectMounts({ root, workspace, shared = [] }: Project): MountSettings[] {
  return [
    { Type: 'bind', Source: root, Target: root, ReadOnly: true },
    { Type: 'bind', Source: workspace.dir, Target: workspace.dir, ReadOnly: false },
    ...shared
      .filter((dir) => existsSync(dir))
      .map((dir): MountSettings => ({ Type: 'bind', Source: dir, Target: dir })),
  ];
}

export function mountMissing(address: string, { root }: Project, cause?: unknown): LockstepError {
  return new LockstepError('E_TOOLBOX_MOUNT', `the Docker engine at ${address} does not see ${root} as it is here`, {
    hint: 'it runs on another machine or in a container: share the directory at the same path, or use `--toolbox host`',
    cause,
  });
}

/**
 * Proves that a container sees this project and not a directory of the same name elsewhere: writes a random word here and
 * lets `read` say what the container finds in that file (null: nothing).
 */
export async function containerSees(
  project: Project,
  read: (file: string) => Promise<string | null>,
): Promise<boolean> {
  const word = randomBytes(16).toString('hex');
  const sentinel = path.join(project.workspace.work, `.sentinel-${word}`);
  await mkdir(project.workspace.work, { recursive: true });
  await writeFile(sentinel, word);
  try {
    return (await read(sentinel)) === word;
  } finally {
    await rm(sentinel, { force: true });
  }
}
