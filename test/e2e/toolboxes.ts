import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { plainEmulation } from '../../src/emulation/emulation.ts';
import type { BuildEnvironment } from '../../src/image/stage.ts';
import { type Progress, silent } from '../../src/progress/progress.ts';
import { openToolbox, type ToolboxChoice } from '../../src/toolbox/choose.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';

export const kinds = ['docker', 'host'] as const;

/** Opens a toolbox for a project's directory. */
export function openFor(
  root: string,
  choice: ToolboxChoice,
  signal = new AbortController().signal,
  progress: Progress = silent,
): Promise<Toolbox> {
  return openToolbox(choice, { root, workspace: workspaceOf(root), signal, progress });
}

/** For a repository that need not outlive a power cut. */
export const unsettled = { begin: async () => {}, settle: async () => {} };

/** What stages work with in a project's directory; all programs of a foreign architecture emulated. */
export function plainBuild(toolbox: Toolbox, root: string): BuildEnvironment {
  const { repo, work } = workspaceOf(root);
  const { signal } = new AbortController();
  const emulation = async () => plainEmulation;
  const rest = { sync: unsettled, report: () => {}, emulation, scriptLimitMs: 60_000 };
  return { toolbox, progress: silent, signal, repo, work, ...rest };
}

/** Processes of this machine, those in containers among them, with this text in their command line. */
export async function processesWith(text: string): Promise<string[]> {
  const { stdout } = await execa('pgrep', ['--full', '--list-full', text], { reject: false });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Containers, running or not, that see this directory. */
export async function containersOf(dir: string, env: Record<string, string> = {}): Promise<string[]> {
  const argv = ['ps', '--all', '--quiet', '--no-trunc', '--filter', `volume=${dir}`];
  const { stdout } = await execa('docker', argv, { env });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Waits until `holds`, for `withinMs` at most; says whether it came to hold. */
export async function eventually(holds: () => Promise<boolean>, withinMs = 5_000): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
