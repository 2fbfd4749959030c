import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../../config/workspace.ts';

/** Something that can go, and what it is. */
export interface Leftover {
  what: 'scratch' | 'apt' | 'served';
  path: string;
}

interface Kept {
  /** Images of lockstep.yml, by name. */
  images: readonly string[];
  /** Names of the objects that stay in the build repository. */
  objects: ReadonlySet<string>;
}

/**
 * What nobody needs beside the repository: scratch space of runs that died, apt roots of images that are no more, and what was
 * made to serve objects and deltas of commits that go. Nothing else may be at work in the project.
 */
export async function leftovers(workspace: Workspace, kept: Kept): Promise<Leftover[]> {
  return [...(await scratch(workspace)), ...(await aptRoots(workspace, kept)), ...(await served(workspace, kept))];
}

async function scratch({ work, repo }: Workspace): Promise<Leftover[]> {
  const own = (await namesIn(path.join(repo, 'tmp'))).filter((name) => name.startsWith('lockstep-'));
  const paths = [
    ...(await namesIn(work)).map((name) => path.join(work, name)),
    ...own.map((name) => path.join(repo, 'tmp', name)),
    ...(await namesIn(path.dirname(repo))).filter((name) => name === 'repo.begun').map(() => `${repo}.begun`),
  ];
  return paths.map((each) => ({ what: 'scratch', path: each }));
}

/** `<image>`, and `<image>.<architecture>` for what runs in the place of emulated programs. */
async function aptRoots({ apt }: Workspace, { images }: Kept): Promise<Leftover[]> {
  const isUsed = (name: string) => images.some((image) => name === image || name.startsWith(`${image}.`));
  const gone = (await namesIn(apt)).filter((name) => !isUsed(name));
  return gone.map((name) => ({ what: 'apt', path: path.join(apt, name) }));
}

/** Compressed objects are named as in the repository, deltas `<from>-<to>-<digest>`. */
async function served({ archive }: Workspace, { objects }: Kept): Promise<Leftover[]> {
  const hasCommit = (commit = '') => objects.has(`${commit.slice(0, 2)}/${commit.slice(2)}.commit`);
  const deltas = (await namesIn(path.join(archive, 'deltas'))).filter((name) => {
    const [from, to] = name.split('-');
    return !(hasCommit(from) && hasCommit(to));
  });
  const gone = deltas.map((name) => path.join(archive, 'deltas', name));
  for (const start of await namesIn(path.join(archive, 'objects'))) {
    const names = await namesIn(path.join(archive, 'objects', start));
    // One that was not finished has the number of a process behind its name.
    const lost = names.filter((name) => !(name.endsWith('.filez') && objects.has(`${start}/${name.slice(0, -1)}`)));
    gone.push(...lost.map((name) => path.join(archive, 'objects', start, name)));
  }
  return gone.map((each) => ({ what: 'served', path: each }));
}

/** None where there is no such directory. */
async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}
