import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../errors/index.ts';
import { type BuildState, type JenkinsClient, JenkinsFailure, type JenkinsOptions, openJenkins } from './client.ts';
import { lineSplitter } from './lines.ts';

export interface FollowOptions extends JenkinsOptions {
  /** Name, folders separated by slashes. */
  job: string;
  parameters: Record<string, string>;
  signal: AbortSignal;
  /** Bound on queue and build together; the build is stopped when it passes. */
  timeoutMs: number;
  /** Each line of the build's log, as it comes. */
  onLine?: (line: string) => void;
  /** What is waited for, when that changes: why the item is queued, the URL of the build. */
  onState?: (text: string) => void;
  pace?: Pace;
}

/** How often to ask, in milliseconds. */
export interface Pace {
  first: number;
  longest: number;
  /** How long the controller may be away (it restarts), or an item not yet be there, before that is an error. */
  patience: number;
}

export interface FollowedBuild {
  number: number;
  url: string;
  /** SUCCESS, UNSTABLE, FAILURE, ABORTED or NOT_BUILT. */
  result: string;
}

const defaultPace: Pace = { first: 1000, longest: 15_000, patience: 300_000 };
const factor = 1.5;

/**
 * Triggers a job with parameters and follows it through the queue to its result. A controller that restarts meanwhile is
 * waited for. When the signal fires or the time is over, what was triggered is stopped.
 * Throws E_JENKINS_UNREACHABLE, E_JENKINS_BUILD (cancelled in the queue, not ended in time), E_INTERRUPTED.
 */
export async function triggerAndFollow(options: FollowOptions): Promise<FollowedBuild> {
  const client = await openJenkins(options);
  const late = AbortSignal.timeout(options.timeoutMs);
  const poll = poller(options, AbortSignal.any([options.signal, late]));
  let item: number | null = null;
  let build: number | null = null;
  try {
    item = await poll(() => client.trigger(options.job, options.parameters), retryUnsent);
    build = await followQueue(client, poll, item, options);
    return await followBuild(client, poll, build, options);
  } catch (error) {
    if (!late.aborted && !options.signal.aborted) throw error;
    await abandon(client, options.job, item, build);
    const what = build === null ? options.job : `${options.job} #${build}`;
    if (options.signal.aborted)
      throw new LockstepError('E_INTERRUPTED', `Interrupted while following ${what}; stopped it`);
    const minutes = Math.round(options.timeoutMs / 60_000);
    throw new LockstepError('E_JENKINS_BUILD', `${what} on ${options.url} did not end within ${minutes} minutes`, {
      hint: 'It was stopped. Look at what it waited for.',
    });
  }
}

async function followQueue(client: JenkinsClient, poll: Poll, item: number, options: FollowOptions): Promise<number> {
  let shown = '';
  return poll(async () => {
    const state = await client.queueItem(item);
    if (state.state === 'cancelled') {
      throw new LockstepError('E_JENKINS_BUILD', `${options.job} on ${options.url} was cancelled in the queue`);
    }
    if (state.state === 'started') return state.build;
    if (state.why !== shown) options.onState?.(state.why);
    shown = state.why;
    return undefined;
  }, retryAlways);
}

async function followBuild(
  client: JenkinsClient,
  poll: Poll,
  number: number,
  options: FollowOptions,
): Promise<FollowedBuild> {
  let start = 0;
  let known = false;
  const lines = lineSplitter(options.onLine ?? (() => {}));
  const readLog = async () => {
    if (options.onLine === undefined) return;
    const { text, next } = await client.log(options.job, number, start);
    start = next;
    lines.push(text);
  };
  return poll(async () => {
    const state: BuildState = await client.build(options.job, number);
    if (!known) options.onState?.(state.url);
    known = true;
    // The log is a courtesy: the verdict does not depend on it.
    await readLog().catch(() => {});
    if (state.result === null) return undefined;
    lines.end();
    return { number, url: state.url, result: state.result };
  }, retryAlways);
}

type Poll = <T>(ask: () => Promise<T | undefined>, mayRetry: (failure: JenkinsFailure) => boolean) => Promise<T>;

const retryAlways = (failure: JenkinsFailure) => failure.kind === 'away' || failure.kind === 'missing';
/** A trigger that may have arrived must not be sent twice: two builds would compete for the devices. */
const retryUnsent = (failure: JenkinsFailure) => failure.kind === 'away' && failure.unsent;

/** Asks, slower and slower, until there is an answer, and goes on through failures that pass by themselves. */
function poller({ url, job, pace = defaultPace }: FollowOptions, signal: AbortSignal): Poll {
  return async (ask, mayRetry) => {
    let wait = pace.first;
    let awaySince: number | null = null;
    for (;;) {
      try {
        const answer = await abortable(ask(), signal);
        if (answer !== undefined) return answer;
        awaySince = null;
      } catch (error) {
        if (!(error instanceof JenkinsFailure)) throw error;
        awaySince ??= Date.now();
        const isOver = Date.now() - awaySince + wait > pace.patience;
        if (isOver || !mayRetry(error)) throw asLockstepError(error, url, job);
      }
      await sleep(wait, undefined, { signal });
      wait = Math.min(wait * factor, pace.longest);
    }
  };
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function asLockstepError(failure: JenkinsFailure, url: string, job: string): LockstepError {
  const options = { cause: failure };
  if (failure.kind === 'refused') {
    const message = `${url} refused the credentials (${failure.message})`;
    const hint = 'Check LOCKSTEP_JENKINS_USER and LOCKSTEP_JENKINS_TOKEN, and that this user may build the job.';
    return new LockstepError('E_JENKINS_UNREACHABLE', message, { ...options, hint });
  }
  if (failure.kind === 'missing') {
    const hint = 'Jenkins also says so when this user may not see the job: check name, folders and credentials.';
    return new LockstepError('E_JENKINS_UNREACHABLE', `${url} does not have ${job} (404)`, { ...options, hint });
  }
  if (failure.kind === 'away') {
    return new LockstepError('E_JENKINS_UNREACHABLE', `${url} does not answer (${failure.message})`, options);
  }
  return new LockstepError('E_JENKINS_BUILD', `${url} did not take ${job} (${failure.message})`, {
    ...options,
    hint: 'The job must be enabled and declare the parameters that it is given.',
  });
}

/** Stops what was triggered, as far as the controller lets us, without waiting long for it. */
async function abandon(client: JenkinsClient, job: string, item: number | null, build: number | null): Promise<void> {
  const stopped = build !== null ? client.stop(job, build) : item !== null ? client.cancel(item) : Promise.resolve();
  await Promise.race([stopped.catch(() => {}), sleep(5000, undefined, { ref: false })]);
}
