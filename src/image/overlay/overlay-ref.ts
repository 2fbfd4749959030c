import type { OverlayRef } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { commitArgv } from '../../ostree/commit.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, stageRef } from '../stage.ts';
import { plainScriptArgv, stageScript } from '../stage-script.ts';
import type { OverlayLayer } from './overlay.ts';

/** A layer that an ostree repository has: its tree brought into the layout of an image that is yet to be finalized. */
export async function openRef(build: BuildEnvironment, layer: OverlayRef): Promise<OverlayLayer> {
  const commit = await present(build, layer);
  const tree = await normalised(build, layer, commit);
  const names = await namesIn(build, tree.commit);
  const self: OverlayLayer = {
    digest: tree.digest,
    lay: (root) => lay(build, layer, tree.commit, root),
    // Taken apart it could bring files that its digest does not cover.
    part: (wanted) => (names.some((name) => wanted(name)) ? self : null),
  };
  return self;
}

const nameOf = ({ ref, repo }: OverlayRef) => (repo === null ? ref : `${repo} ${ref}`);

/** The commit, brought into the build repository when it is another one's. */
async function present({ toolbox, repo }: BuildEnvironment, layer: OverlayRef): Promise<string> {
  const from = layer.repo ?? repo;
  const found = await toolbox.run(['ostree', 'rev-parse', `--repo=${from}`, layer.ref], { answers: [1] });
  const commit = found.stdout.trim();
  if (found.exitCode !== 0 || !/^[0-9a-f]{64}$/.test(commit)) {
    throw new LockstepError('E_OVERLAY', `the overlay ${nameOf(layer)} is not there: ${found.stderr.trim()}`, {
      hint: 'correct `overlay:` of the image in lockstep.yml; a container sees repositories below the project alone',
    });
  }
  const { repo: other } = layer;
  if (other !== null) {
    await explained(layer, () => toolbox.run(['ostree', 'pull-local', `--repo=${repo}`, other, commit]));
  }
  return commit;
}

async function normalised(build: BuildEnvironment, layer: OverlayRef, commit: string): Promise<StageResult> {
  const { toolbox, repo } = build;
  // The root directory's line names the checksums of all that is in it, and of its own metadata.
  const { stdout: tree } = await toolbox.run(['ostree', 'ls', `--repo=${repo}`, '-d', '-C', commit, '/']);
  const digest = digestOf('overlay-ref', tree.trim(), stageScript('overlay-ref'));
  const ref = stageRef('overlay', digest);
  return cachedStage(build, { name: 'overlay', ref, digest }, async () => {
    const root = `${build.work}/overlay-ref`;
    await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', commit, root]);
    await explained(layer, () => toolbox.run(plainScriptArgv('overlay-ref', root), { isolate: true }));
    await toolbox.run(commitArgv([`dir=${root}`], { repo, ref, subject: `overlay ${nameOf(layer)}`, linked: true }));
    await toolbox.run(['rm', '-rf', '--one-file-system', root]);
  });
}

async function namesIn({ toolbox, repo }: BuildEnvironment, commit: string): Promise<string[]> {
  const { stdout } = await toolbox.run(['ostree', 'ls', `--repo=${repo}`, '-R', '--nul-filenames-only', commit]);
  return stdout.split('\0').map((name) => name.replace(/^\//, ''));
}

/** Directories that are there keep their owner and mode (ostree-checkout(1), --union). */
async function lay(
  { toolbox, repo }: BuildEnvironment,
  layer: OverlayRef,
  commit: string,
  root: string,
): Promise<void> {
  const argv = ['ostree', `--repo=${repo}`, 'checkout', '--union', '--require-hardlinks', commit, root];
  await explained(layer, () => toolbox.run(argv));
}

async function explained(layer: OverlayRef, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof LockstepError) || cause.code !== 'E_TOOL_FAILED') throw cause;
    throw new LockstepError('E_OVERLAY', `${nameOf(layer)} cannot be laid over the image: ${cause.message}`, { cause });
  }
}
