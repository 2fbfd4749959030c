import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { LockstepError } from '../../errors/index.ts';
import { inStage, type Progress, type Stage } from '../../progress/progress.ts';
import { resourceText } from '../../resources.ts';
import { interrupted } from '../tool-failure.ts';
import { type BuilderBase, builderBases, hasImage } from './builder-base.ts';
import { withBuilderLock } from './builder-lock.ts';
import { type Engine, engineError } from './engine.ts';
import { followEngine } from './follow.ts';

interface BuilderOptions {
  signal: AbortSignal;
  progress: Progress;
  /** The definition, where it is not lockstep's own. */
  dockerfile?: string;
}

/**
 * The image that ostree, apt and QEMU run in, made when it is not there yet. It is named by a digest of its definition:
 * a changed Dockerfile is another image. Throws E_TOOLBOX_BUILDER naming each way that was tried.
 */
export async function builderImage(engine: Engine, options: BuilderOptions): Promise<string> {
  const { signal, progress, dockerfile = resourceText('builder/Dockerfile') } = options;
  const found = await presentBuilder(engine, dockerfile);
  if (found !== null) return found;
  return inStage(
    progress,
    'builder image',
    (stage) =>
      withBuilderLock(signal, async () => {
        if (signal.aborted) throw interrupted();
        return (await presentBuilder(engine, dockerfile)) ?? makeBuilder(engine, dockerfile, stage, signal);
      }),
    { summary: (image) => image },
  );
}

/** The builder image that the engine has; null when it has to be made. */
export async function presentBuilder(
  engine: Engine,
  dockerfile = resourceText('builder/Dockerfile'),
): Promise<string | null> {
  try {
    for (const base of builderBases) {
      const tag = tagOf(dockerfile, base);
      if (await hasImage(engine, tag)) return tag;
    }
    return null;
  } catch (error) {
    throw engineError('looking for the builder image', error);
  }
}

async function makeBuilder(engine: Engine, dockerfile: string, stage: Stage, signal: AbortSignal): Promise<string> {
  const reasons: string[] = [];
  for (const base of builderBases) {
    try {
      const reference = await base.make(engine, stage, signal);
      if (reference !== null)
        return await build(engine, { dockerfile, tag: tagOf(dockerfile, base), reference }, stage, signal);
      reasons.push(`${base.name}: not on this machine`);
    } catch (error) {
      if (signal.aborted) throw interrupted();
      if (error instanceof LockstepError && error.code === 'E_DISK_FULL') throw error;
      reasons.push(`${base.name}: ${(error as Error).message}`);
    }
  }
  throw new LockstepError('E_TOOLBOX_BUILDER', `the builder image could not be made:\n${reasons.join('\n')}`, {
    hint: 'install mmdebstrap here, or give the engine a registry; `--toolbox host` does without the image',
  });
}

async function build(
  engine: Engine,
  { dockerfile, tag, reference }: { dockerfile: string; tag: string; reference: string },
  stage: Stage,
  signal: AbortSignal,
): Promise<string> {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, dockerfile);
  context.finalize();
  try {
    const events = await engine.docker.buildImage(Readable.from(context), {
      t: tag,
      buildargs: { BASE: reference },
      networkmode: 'host',
      rm: true,
      forcerm: true,
      abortSignal: signal,
    });
    await followEngine(events, (text) => stage.advance({ detail: text.split('\n').at(-1) ?? '' }));
    return tag;
  } catch (error) {
    throw engineError(`building ${tag}`, error);
  }
}

function tagOf(dockerfile: string, base: BuilderBase): string {
  return `lockstep-builder:${digestOf(dockerfile, base.name)}`;
}

function digestOf(dockerfile: string, base: string): string {
  return createHash('sha256').update(dockerfile).update('\0').update(base).digest('hex').slice(0, 12);
}
