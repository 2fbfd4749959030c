import { PassThrough } from 'node:stream';
import { LockstepError } from '../errors/index.ts';
import type { CommitSource } from '../ostree/commit-source.ts';
import { type RepoServer, serveRepo } from '../ostree/serve.ts';
import type { DeltaChoice, StaticDelta } from '../ostree/static-deltas.ts';
import { askScript, pullScript } from './push-scripts.ts';
import type { Session } from './session.ts';
import { type StallLimits, untilStalled, usualStallLimits } from './stall.ts';

export { pushedRef } from './push-scripts.ts';

export interface PullOptions {
  /** Where the commit comes from; one for all devices of a run. */
  source: CommitSource;
  /** `auto` when not given. */
  delta?: DeltaChoice;
  /** Have the device read all its objects afterwards, and fetch those anew that are damaged. */
  verify?: boolean;
  /** Resolves when so many bytes may be sent. */
  throttle?: (bytes: number) => Promise<void>;
  /** Is told of content as it is sent. */
  onBytes?: (bytes: number) => void;
  /** Bound on the whole of it, in milliseconds; 6 hours when not given, as stalls have bounds of their own. */
  timeoutMs?: number;
  stall?: Partial<StallLimits>;
  /** The device's directory with `repo` and `deploy`; `/ostree` when not given. */
  ostree?: string;
}

export interface Pulled {
  /** Bytes of content, without SSH and HTTP. */
  bytes: number;
  /** Objects and parts of deltas. */
  files: number;
  /** The commit whose files the delta built on; null: no delta was used. */
  deltaFrom: string | null;
}

/**
 * Lets the device pull a commit through the SSH connection; only what it lacks travels, as a static delta where that is less, and what an
 * attempt brought is kept for the next, also when the device reboots between. Throws E_SIGN_REFUSED when the device's image demands a
 * signature that the commit lacks, E_PUSH_STALLED when nothing moves any more, E_REPO when the build repository is damaged, else
 * E_DEVICE_COMMAND with ostree's words when the device does not take it.
 */
export async function pullThrough(session: Session, commit: string, options: PullOptions): Promise<Pulled> {
  const { source, delta: choice = 'auto' } = options;
  const { candidates, whole, vouched } = await ask(session, commit, options.ostree);
  if (vouched && options.verify !== true) return { bytes: 0, files: 0, deltaFrom: null };
  const delta = whole ? null : await source.deltas.choose(choice, candidates, commit);
  try {
    return await pullOnce(session, commit, { ...options, whole, offered: delta });
  } catch (error) {
    if (!(await mended(error, source, delta))) throw error;
    return pullOnce(session, commit, { ...options, whole, offered: null });
  }
}

async function ask(
  session: Session,
  commit: string,
  ostree = '/ostree',
): Promise<{ candidates: string[]; whole: boolean; vouched: boolean }> {
  const { stdout } = await session.script(askScript, { args: [ostree, commit], timeoutMs: 60_000 });
  const lines = stdout.split('\n');
  const candidates = lines.flatMap((line) => /^has ([0-9a-f]{64})$/.exec(line)?.[1] ?? []);
  return { candidates, whole: lines.includes('wanted'), vouched: lines.includes('vouched') };
}

/** Whether a failure may have been a damaged file of our own, which is gone now, so that another attempt is worth it. */
async function mended(error: unknown, source: CommitSource, delta: StaticDelta | null): Promise<boolean> {
  if (!(error instanceof PullFailure)) return false;
  if (delta !== null) {
    await source.deltas.drop(delta);
    return true;
  }
  const objects = [...error.sent].flatMap(
    (url) => /^\/objects\/(..)\/(.{62})\.filez$/.exec(url)?.slice(1).join('') ?? [],
  );
  return (await source.dropDamaged(objects)) > 0;
}

/** ostree on the device was not content; what it was sent may be why. */
class PullFailure extends LockstepError {
  readonly sent: ReadonlySet<string>;

  constructor(cause: LockstepError, sent: ReadonlySet<string>) {
    super(cause.code, cause.message, { hint: cause.hint ?? undefined, cause });
    this.sent = sent;
  }
}

interface PullAttempt extends PullOptions {
  whole: boolean;
  offered: StaticDelta | null;
}

async function pullOnce(session: Session, commit: string, attempt: PullAttempt): Promise<Pulled> {
  const { source, offered, throttle, onBytes } = attempt;
  const repo = serveRepo({ find: (url) => source.find(url, offered), throttle, onBytes });
  const forward = await session.forward(repo.server);
  const watch = untilStalled(session.device, repo.activity, { ...usualStallLimits, ...attempt.stall });
  try {
    await Promise.race([runPull(session, commit, forward.port, attempt), watch.stalled]);
    const deltaUsed = offered !== null && [...repo.sent].some((url) => url.startsWith('/deltas/'));
    return { bytes: repo.bytesSent(), files: repo.sent.size, deltaFrom: deltaUsed ? offered.from : null };
  } catch (error) {
    throw explain(error, commit, repo);
  } finally {
    watch.stop();
    forward.close();
    repo.close();
  }
}

const heartbeatMs = 5_000;

async function runPull(session: Session, commit: string, port: number, attempt: PullAttempt): Promise<void> {
  const { whole, verify = false, ostree = '/ostree', timeoutMs = 6 * 3_600_000 } = attempt;
  const heart = new PassThrough();
  const beat = setInterval(() => heart.write('\n'), heartbeatMs);
  const args = [ostree, String(port), commit, whole ? 'whole' : 'lacks', verify ? 'verify' : 'trust'];
  try {
    // A process group of its own, so that the puller can be ended with all that it started.
    const argv = ['setsid', '-w', 'sh', '-euc', pullScript, 'lockstep-push', ...args];
    await session.exec(argv, { input: heart, timeoutMs });
  } finally {
    clearInterval(beat);
    heart.end();
  }
}

/** What ostree says of commits without signature, with one of another key, or with a bad one (ostree-gpg-verifier.c). */
const signatureComplaint =
  /GPG verification enabled, but no signatures|GPG signatures found, but none are|BAD signature|Can't check signature/;

function explain(error: unknown, commit: string, repo: RepoServer): unknown {
  if (!(error instanceof LockstepError) || error.code !== 'E_DEVICE_COMMAND') return error;
  if (signatureComplaint.test(error.message)) {
    const message = `the device takes only signed commits, and not ${commit.slice(0, 12)}: ${error.message}`;
    return new LockstepError('E_SIGN_REFUSED', message, {
      hint: 'sign it with a key that the image on the device carries',
      cause: error,
    });
  }
  // What the device says follows from what could not be served.
  const ours = repo.failure();
  if (ours instanceof LockstepError) return ours;
  return new PullFailure(error, repo.sent);
}
