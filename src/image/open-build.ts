import path from 'node:path';
import { DeferredSync, recoverSync } from '../ostree/deferred-sync.ts';
import { ensureRepo } from '../ostree/repo.ts';
import type { BuildInputs, BuildServices } from './build.ts';
import { chooseEmulation } from './emulation.ts';
import type { BuildEnvironment, StageReport } from './stage.ts';

/** Opens what the build of an image works with, and clears up after it; `stages` fills as they end. */
export async function withBuild<T>(
  { image, lockfile, emulation: wish, scriptLimitMs }: Omit<BuildInputs, 'archive'>,
  services: BuildServices,
  work: (build: BuildEnvironment, stages: StageReport[]) => Promise<T>,
): Promise<T> {
  const { workspace, toolbox, progress, signal } = services;
  const { repo } = workspace;
  const directory = path.join(workspace.work, image.name);
  // What lies there is a build's that died: the project's lock is held, so none is at work.
  const clear = () => toolbox.run(['rm', '-rf', '--one-file-system', directory]);
  await clear();
  await toolbox.run(['mkdir', '-p', directory]);
  await ensureRepo(toolbox, repo, 'bare');
  if (await recoverSync(toolbox, repo)) {
    progress.note('the machine went down during a build: what that one had written is made again');
  }
  const sync = new DeferredSync(toolbox, repo);
  const stages: StageReport[] = [];
  const report = (stage: StageReport) => void stages.push(stage);
  const environment = { ...services, repo, sync, work: directory, scriptLimitMs, report };
  const emulation = chooseEmulation(environment, { image, lockfile, workspace, wish });
  try {
    return await work({ ...environment, emulation: emulation.ask }, stages);
  } finally {
    await emulation.ended();
    if (!signal.aborted) {
      await sync.settle().catch(() => {});
      await clear();
    }
  }
}
