import type { Workspace } from '../config/workspace.ts';
import type { Progress } from '../progress/progress.ts';

/** What a toolbox is opened for. */
export interface ToolboxOptions {
  workspace: Workspace;
  /** The project's directory. */
  root: string;
  /** Directories elsewhere that commands read and write; those that are not there are left out. */
  shared?: readonly string[];
  signal: AbortSignal;
  progress: Progress;
}
