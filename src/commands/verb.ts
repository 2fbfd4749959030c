import type { Command } from 'commander';
import type { Config, DeviceConfig, ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { CommitSource } from '../ostree/commit-source.ts';
import type { Progress } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** One verb of the command line: how it reads its flags, what it does, how its outcome reads on a terminal. */
export interface Verb<Options = Record<string, unknown>> {
  name: string;
  summary: string;
  /** Adds arguments and flags of its own; the common flags are there already. */
  declare?(command: Command): void;
  run(context: Context, options: Options, args: string[]): Promise<Outcome>;
  /** The outcome as text for stdout; the default is its message. Not called with --json. */
  print?(outcome: Outcome): string;
}

/** What `--json` prints; the fields beside the first four are the verb's own. */
export interface Outcome {
  outcome: 'ok' | 'unchanged' | 'failed' | 'unstable';
  code: ErrorCode | null;
  message: string;
  hint: string | null;
  [field: string]: unknown;
}

/** What a verb works with. Configuration and toolbox are made when first asked for: `explain` needs neither. */
export interface Context {
  /** Directory of `-C`, absolute. */
  dir: string;
  progress: Progress;
  /** Fires on SIGINT and SIGTERM; whatever waits must give up and clean up. */
  signal: AbortSignal;
  environment: NodeJS.ProcessEnv;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  ask?: (question: string) => Promise<string>;
  config(): Promise<Config>;
  workspace(): Promise<Workspace>;
  /** The images of `--image`, or all. */
  images(): Promise<ImageConfig[]>;
  /** The devices of `--device` or `--label`, or all. */
  devices(): Promise<DeviceConfig[]>;
  /** Commits as devices pull them; one for all devices, closed by the caller of the verb. */
  source(): Promise<CommitSource>;
  /** Opened by `--toolbox`, closed by the caller of the verb. */
  toolbox(): Promise<Toolbox>;
}

export function ok(message: string, fields: Record<string, unknown> = {}): Outcome {
  return { outcome: 'ok', code: null, message, hint: null, ...fields };
}

export function unchanged(message: string, fields: Record<string, unknown> = {}): Outcome {
  return { outcome: 'unchanged', code: null, message, hint: null, ...fields };
}
