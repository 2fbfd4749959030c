import type { Command } from 'commander';
import { LockstepError } from '../errors/index.ts';
import { jenkinsGate } from '../refresh/jenkins-gate.ts';
import type { ImageChanges } from '../refresh/message.ts';
import { type Author, type GateResult, type RefreshOptions, refresh as refreshBranch } from '../refresh/refresh.ts';
import { type CommonOptions, openContext } from './context.ts';
import type { UpdatedImage } from './update/update.ts';
import type { Context, Outcome, Verb } from './verb.ts';

interface Options extends CommonOptions {
  author?: string;
  only?: string[];
  minimumAge?: string;
}

/** `lockstep refresh`: the nightly job. */
export const refresh: Verb<Options> = {
  name: 'refresh',
  summary: 'update on a branch, gate it, push it: the nightly job',

  declare(command: Command) {
    command
      .option('--author <"Name <mail>">', 'author of the commit; default: the configuration of git')
      .option('--only <package...>', 'update these packages and what they need for that, nothing else')
      .option('--minimum-age <duration>', 'how old versions must be, in place of what lockstep.yml says: 0s, 3d');
  },

  async run(context, options): Promise<Outcome> {
    const { root, images, refresh: settings } = await context.config();
    const author = options.author === undefined ? null : parseAuthor(options.author);
    const result = await refreshBranch({
      root,
      settings,
      lockfiles: images.map((image) => image.lockfile),
      author,
      update: () => inCheckout(context, options, (inner) => updateAll(inner, options)),
      gate: await gateOf(context, options),
      progress: context.progress,
      signal: context.signal,
      environment: context.environment,
    });
    return { ...result };
  },
};

/** The base branch may hold another lockstep.yml than the checkout did: verbs inside the refresh read it anew. */
async function inCheckout<T>(context: Context, options: Options, work: (inner: Context) => Promise<T>): Promise<T> {
  const inner = openContext(options, context.progress, context.signal);
  try {
    return await work(inner);
  } finally {
    await inner.close();
  }
}

/** @param only the packages that alone are to be updated; all when not given */
async function updateAll(context: Context, { only, minimumAge }: Options): Promise<ImageChanges[]> {
  const { update } = await import('./update/update.ts');
  const { describedUpdate } = await import('./described-update.ts');
  return describedUpdate(context, (await update.run(context, { only, minimumAge }, [])).images as UpdatedImage[]);
}

async function gateOf(context: Context, options: Options): Promise<RefreshOptions['gate']> {
  const { refresh: settings } = await context.config();
  const { gate, remote, branch } = settings;
  if (gate === null) return null;
  if (gate === 'run') return () => inCheckout(context, options, runHere);
  const { environment, progress, signal } = context;
  return jenkinsGate({ url: gate.jenkins, job: gate.job, remote, branch, environment, progress, signal });
}

/** Builds, deploys and tests the candidate here; an error of it is the gate's answer, not the refresh's own failure. */
async function runHere(context: Context): Promise<GateResult> {
  const { run } = await import('./run.ts');
  try {
    return await run.run(context, {}, []);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED' || context.signal.aborted) throw error;
    return { outcome: 'failed', code: error.code, message: error.message, hint: error.hint };
  }
}

function parseAuthor(text: string): Author {
  const [, name, email] = /^\s*([^<>\n]*[^<>\s])\s*<([^<>\s]+@[^<>\s]+)>\s*$/.exec(text) ?? [];
  if (name !== undefined && email !== undefined) return { name, email };
  throw new LockstepError('E_USAGE', `--author "${text}" is not of the form "Name <mail@host>"`);
}
