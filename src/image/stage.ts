import { createHash } from 'node:crypto';
import type { Emulation } from '../emulation/emulation.ts';
import type { DeferredSync } from '../ostree/deferred-sync.ts';
import { namingStage } from '../ostree/full-disk.ts';
import { resolveRef } from '../ostree/refs.ts';
import type { Progress, Stage } from '../progress/progress.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/**
 * What programs take for the time of the build: fixed, since the same packages must give the same bytes. shadow(5) counts
 * days from it, so it is not 0, which would mean an expired password.
 */
export const sourceDateEpoch = '946684800';

/** What every stage of a build works with. */
export interface BuildEnvironment {
  toolbox: Toolbox;
  progress: Progress;
  signal: AbortSignal;
  /** The build repository. */
  repo: string;
  /** To be told before anything is written into it. */
  sync: Pick<DeferredSync, 'begin' | 'settle'>;
  /** An empty directory of this build alone, on the file system of the repository. */
  work: string;
  /** How long the scripts of one stage may take together, in milliseconds. */
  scriptLimitMs: number;
  /** How programs of the image are run; found out when first asked for. */
  emulation(): Promise<Emulation>;
  /** Called as each stage ends. */
  report(stage: StageReport): void;
  /** Is told what is reused and made, where it matters whether what is reused is sound. */
  soundness?: { reused(ref: string): void; making(stage: string): void };
  /** Present in a plan: told of each stage, of which none is made. */
  plan?(stage: PlannedStage): void;
}

/** A stage that a build would go through. */
export interface PlannedStage {
  name: string;
  ref: string;
  digest: string;
}

/** What is there before anything has to be emulated. */
export type Unemulated = Omit<BuildEnvironment, 'emulation' | 'scriptLimitMs'>;

/** A stage as `--json` tells it. */
export interface StageReport {
  name: string;
  ms: number;
  cached: boolean;
}

export interface StageResult {
  /** The ref that holds it. */
  ref: string;
  /** The commit that the ref names. */
  commit: string;
  /** Digest of everything that the result depends on. */
  digest: string;
  cached: boolean;
}

/** Digest of a stage's inputs, in their order. */
export function digestOf(...inputs: (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

/** The ref that holds a stage's result. */
export function stageRef(stage: string, digest: string): string {
  return `lockstep/${stage}/${digest}`;
}

/**
 * Runs the stage unless its ref is there already. `make` must end with the ref made; it resolves to `reused` when what was
 * there served.
 */
export async function cachedStage(
  { toolbox, progress, repo, sync, report, plan, soundness }: BuildEnvironment,
  { name, ref, digest }: PlannedStage,
  make: (stage: Stage) => Promise<unknown>,
): Promise<StageResult> {
  if (plan !== undefined) {
    plan({ name, ref, digest });
    return { ref, commit: '', digest, cached: false };
  }
  const started = performance.now();
  const stage = progress.stage(name);
  try {
    const known = await resolveRef(toolbox, repo, ref);
    if (known === null) {
      soundness?.making(name);
      await sync.begin();
    }
    const cached = known !== null || (await make(stage)) === 'reused';
    if (cached) soundness?.reused(ref);
    const commit = known ?? (await resolveRef(toolbox, repo, ref));
    if (commit === null) throw new Error(`stage ${name} ended without ${ref}`);
    report({ name, ms: Math.round(performance.now() - started), cached });
    stage.done(commit.slice(0, 12), { cached });
    return { ref, commit, digest, cached };
  } catch (error) {
    stage.fail();
    throw namingStage(error, name, repo);
  }
}
