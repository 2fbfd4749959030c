import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Stage } from '../../progress/progress.ts';
import { bootstrapTar } from './bootstrap.ts';
import { type Engine, statusOf } from './engine.ts';
import { followEngine } from './follow.ts';
import { hostAptOptions, hostSources } from './host-sources.ts';

/** A way to get the plain Debian that the builder image is made from. */
export interface BuilderBase {
  /** Names the way in the digest of the builder image. */
  name: string;
  /** Brings the base into the engine and returns its reference; null when this machine cannot go this way. */
  make(engine: Engine, stage: Stage, signal: AbortSignal): Promise<string | null>;
}

/** What the bootstrap makes when this machine's apt knows no Debian suite: mmdebstrap then uses the archive's usual mirrors. */
const usualSuite = 'bookworm';

const registryImage = 'debian:bookworm-slim';

/** A registry that cannot be reached must be given up soon; one that answers may take its time. */
const registryAnswersWithinMs = 15_000;
const pullWithinMs = 10 * 60_000;

/** In order of preference: what this machine can make itself needs no registry and uses this machine's mirror. */
export const builderBases: BuilderBase[] = [
  { name: 'mmdebstrap', make: bootstrap },
  { name: registryImage, make: fromRegistry },
];

/** Debian as mmdebstrap makes it from this machine's sources, imported as `lockstep-base:<suite>`. */
async function bootstrap(engine: Engine, stage: Stage, signal: AbortSignal): Promise<string | null> {
  const { failed } = await execa('mmdebstrap', ['--version'], { reject: false, timeout: 30_000 });
  if (failed) return null;
  stage.advance({ detail: 'mmdebstrap' });
  const sources = await hostSources();
  const suite = sources?.suite ?? usualSuite;
  const options = (await hostAptOptions()).flatMap((option) => ['--aptopt', option]);
  const argv = ['--quiet', '--variant=apt', ...options, suite, '-', ...(sources?.lines ?? [])];
  const tar = Readable.from(bootstrapTar(argv, stage, signal), { objectMode: false });
  const events = await engine.docker.importImage(tar, { repo: 'lockstep-base', tag: suite, abortSignal: signal });
  await followEngine(events);
  return `lockstep-base:${suite}`;
}

async function fromRegistry(engine: Engine, stage: Stage, signal: AbortSignal): Promise<string> {
  if (await hasImage(engine, registryImage)) return registryImage;
  stage.advance({ detail: `pull ${registryImage}` });
  const bound = AbortSignal.any([signal, AbortSignal.timeout(pullWithinMs)]);
  const pulling = engine.docker.pull(registryImage, { abortSignal: bound });
  const events = await Promise.race([pulling, sleep(registryAnswersWithinMs, null, { ref: false })]);
  if (events === null) throw new Error(`no registry answered within ${registryAnswersWithinMs / 1000} s`);
  await followEngine(events, (text) => stage.advance({ detail: text }));
  return registryImage;
}

export async function hasImage({ docker }: Engine, reference: string): Promise<boolean> {
  try {
    await docker.getImage(reference).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
