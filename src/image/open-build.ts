import path from 'node:path';
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
  const { workspace, toolbox, signal } = services;
  const directory = path.join(workspace.work, image.name);
  // What lies there is a build's that died: the project's lock is held, so none is at work.
  const clear = () => toolbox.run(['rm', '-rf', '--one-file-system', directory]);
  await clear();
  await toolbox.run(['mkdir', '-p', directory]);
  await ensureRepo(toolbox, workspace.repo, 'bare');
  const stages: StageReport[] = [];
  try {
    const report = (stage: StageReport) => void stages.push(stage);
    const environment = { ...services, repo: workspace.repo, work: directory, scriptLimitMs, report };
    const emulation = chooseEmulation(environment, { image, lockfile, workspace, wish });
    return await work({ ...environment, emulation }, stages);
  } finally {
    if (!signal.aborted) await clear();
  }
}
