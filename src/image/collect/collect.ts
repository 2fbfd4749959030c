import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import { readCommitSubject } from '../../ostree/commit-metadata.ts';
import { type DatedRef, datedRefs } from '../../ostree/dated-refs.ts';
import { wasCutOff } from '../../ostree/deferred-sync.ts';
import { reachableFrom } from '../../ostree/reachable.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { readObservation } from '../observation.ts';
import { type Leftover, leftovers } from './leftovers.ts';
import { isFinished, type Known, kindOf, type Needs, unneeded } from './needed.ts';

export interface Garbage {
  /** Refs that go, of debs: those of data and control. */
  refs: DatedRef[];
  /** Objects of the repository that nothing else holds. */
  objects: { count: number; bytes: number };
  leftovers: (Leftover & { bytes: number })[];
  /** Disk space of all that, in bytes. */
  bytes: number;
  /** Refs that stay. */
  kept: DatedRef[];
}

interface Place {
  workspace: Workspace;
  toolbox: Toolbox;
}

/**
 * Throws E_REPO when the machine went down during a build: what that one wrote is found out by the next build, which takes back
 * all refs, and goes on from the objects that only it still wants.
 */
export async function assertCertain({ repo }: Workspace): Promise<void> {
  if (!(await wasCutOff(repo))) return;
  throw new LockstepError('E_REPO', `the machine went down during a build: what ${repo} holds is not certain`, {
    hint: 'run `lockstep build` first, which makes it certain from what is there',
  });
}

/** Finds what nothing needs. Nothing else may be at work in the project. */
export async function findGarbage({ workspace, toolbox }: Place, needs: Needs): Promise<Garbage> {
  const { repo } = workspace;
  const there = existsSync(path.join(repo, 'config'));
  const all = there ? await datedRefs(repo) : [];
  const refs = unneeded(all, needs, await whatIsKnown({ toolbox, repo }, all));
  const gone = new Set(refs);
  const kept = all.filter((ref) => !gone.has(ref));
  const reachable = await reachableFrom(repo, new Set(kept.map(({ commit }) => commit)));
  const objects = there ? await unreachable({ toolbox, repo }, reachable) : { count: 0, bytes: 0 };
  const found = await leftovers(workspace, { images: needs.images, objects: reachable });
  const sizes = await diskUsage(toolbox, found);
  const sized = found.map((leftover, index) => ({ ...leftover, bytes: sizes[index] ?? 0 }));
  const bytes = sized.reduce((sum, leftover) => sum + leftover.bytes, objects.bytes);
  return { refs, objects, leftovers: sized, bytes, kept };
}

/**
 * Takes it away. Broken off at any point it leaves what the next build and the next time can go on from: refs go before what
 * they name, and first of all the observations, which name commits in their text that no ref need name.
 */
export async function removeGarbage({ workspace, toolbox }: Place, { refs, leftovers: rest }: Garbage): Promise<void> {
  const { repo } = workspace;
  const isObservation = (ref: DatedRef) => kindOf(ref) === 'observation';
  const inOrder = [...refs.filter(isObservation), ...refs.filter((ref) => !isObservation(ref))];
  await remove(
    toolbox,
    inOrder.map((ref) => path.join(repo, 'refs', ref.path)),
  );
  await remove(
    toolbox,
    rest.map((leftover) => leftover.path),
  );
  if (existsSync(path.join(repo, 'config'))) {
    await toolbox.run(['ostree', 'prune', `--repo=${repo}`, '--refs-only']);
  }
}

async function whatIsKnown(
  { toolbox, repo }: { toolbox: Toolbox; repo: string },
  refs: readonly DatedRef[],
): Promise<Known> {
  const imageOf = new Map<string, string>();
  const observed = new Map<string, Known['observed'] extends ReadonlyMap<string, infer V> ? V : never>();
  for (const ref of refs) {
    if (isFinished(ref)) imageOf.set(ref.path, (await readCommitSubject(repo, ref.commit))?.split(' ')[0] ?? '');
    if (kindOf(ref) === 'observation') observed.set(ref.path, await readObservation({ toolbox, repo }, ref.commit));
  }
  return { imageOf, observed };
}

/** Objects that are not among those, by the toolbox: some are readable for root alone. */
async function unreachable(
  { toolbox, repo }: { toolbox: Toolbox; repo: string },
  reachable: ReadonlySet<string>,
): Promise<{ count: number; bytes: number }> {
  const argv = ['find', path.join(repo, 'objects'), '!', '-type', 'd', '-printf', '%P %b\\n'];
  const { stdout } = await toolbox.run(argv);
  const blocks = stdout.split('\n').map((line) => line.split(' '));
  const lost = blocks.filter(([name = '']) => name !== '' && !reachable.has(name));
  return { count: lost.length, bytes: lost.reduce((sum, [, count]) => sum + Number(count) * 512, 0) };
}

async function diskUsage(toolbox: Toolbox, found: readonly Leftover[]): Promise<number[]> {
  if (found.length === 0) return [];
  const input = found.map((leftover) => `${leftover.path}\0`).join('');
  const argv = ['du', '--summarize', '--block-size=1', '--count-links', '--null', '--files0-from=-'];
  const { stdout } = await toolbox.run(argv, { input });
  return stdout.split('\0').map((line) => Number.parseInt(line, 10) || 0);
}

async function remove(toolbox: Toolbox, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const input = paths.map((each) => `${each}\0`).join('');
  await toolbox.run(['xargs', '-0', 'rm', '-rf', '--one-file-system', '--'], { input });
}
