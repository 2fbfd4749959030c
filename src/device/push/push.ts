import { PassThrough } from 'node:stream';
import { LockstepError } from '../../errors/index.ts';
import type { CommitSource, Offer } from '../../ostree/commit-source.ts';
import { type RepoServer, serveRepo } from '../../ostree/serve.ts';
import type { DeltaChoice } from '../../ostree/static-deltas.ts';
import type { Session } from '../ssh/session.ts';
import { linkSpeed } from './link-speed.ts';
import { askScript, pullScript } from './push-scripts.ts';
import { type StallLimits, untilStalled, usualStallLimits } from './stall.ts';

export { pushedRef } from './push-scripts.ts';

export interface PullOptions {
  /** Where the commit comes from; one for all devices of a run. */
  source: CommitSource;
  /** `auto` when not given. */
  delta?: DeltaChoice;
  /** Whether an empty device gets a pack: with `auto`, when not given, over a link that is fast, unless there is a throttle. */
  pack?: DeltaChoice;
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
  const found = await ask(session, commit, options.ostree);
  const { whole, vouched } = found;
  if (vouched && options.verify !== true) return { bytes: 0, files: 0, deltaFrom: null };
  const offered = await choose(session, commit, found, options);
  try {
    return await pullOnce(session, commit, { ...options, whole, offered });
  } catch (error) {
    if (!(await mended(error, options.source, offered))) throw error;
    return pullOnce(session, commit, { ...options, whole, offered: null });
  }
}

/** What a device has. */
interface Found {
  /** Commits that it has whole. */
  candidates: string[];
  /** Whether it has the one that is wanted. */
  whole: boolean;
  /** And nothing is left to do. */
  vouched: boolean;
  /** How an earlier push began what is there in part, and with which commit; null: nothing is. */
  begun: { how: string; commit: string } | null;
}

/**
 * Bytes a second above which it takes an empty device longer to ask for thousands of objects than to take them uncompressed, twice as many
 * bytes: more than Ethernet of 100 Mbit/s has.
 */
const fastLink = 12_500_000;

async function choose(session: Session, commit: string, found: Found, options: PullOptions): Promise<Offer | null> {
  const { source, delta = 'auto', pack = 'auto' } = options;
  if (found.whole || delta === 'never') return null;
  const chosen = await source.deltas.choose(delta, found.candidates, commit);
  // A device that has a commit of any kind has most of the objects.
  if (chosen !== null || found.candidates.length > 0 || pack === 'never') return chosen;
  const { begun } = found;
  // A part is sent whole when one object of it is missing: for what came as objects, or of another commit, packs have no use.
  if (begun !== null && (begun.how !== 'pack' || begun.commit !== commit)) return null;
  if (pack === 'auto' && options.throttle !== undefined) return null;
  // What began fast goes on so: to ask again would cost the device more than what it is to learn.
  if (pack === 'auto' && begun === null && (await linkSpeed(session)) < fastLink) return null;
  return source.packs.find(commit);
}

async function ask(session: Session, commit: string, ostree = '/ostree'): Promise<Found> {
  const { stdout } = await session.script(askScript, { args: [ostree, commit], timeoutMs: 60_000 });
  const lines = stdout.split('\n');
  const candidates = lines.flatMap((line) => /^has ([0-9a-f]{64})$/.exec(line)?.[1] ?? []);
  const [, how = '', of = ''] = lines.map((line) => /^begun (\S+) ([0-9a-f]{64})$/.exec(line)).find(Boolean) ?? [];
  const begun = how === '' ? null : { how, commit: of };
  return { candidates, whole: lines.includes('wanted'), vouched: lines.includes('vouched'), begun };
}

/** Whether a failure may have been a damaged file of our own, which is gone now, so that another attempt is worth it. */
async function mended(error: unknown, source: CommitSource, offered: Offer | null): Promise<boolean> {
  if (!(error instanceof PullFailure)) return false;
  if (offered !== null) {
    await source.drop(offered);
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
  offered: Offer | null;
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
  const { whole, offered, verify = false, ostree = '/ostree', timeoutMs = 6 * 3_600_000 } = attempt;
  const heart = new PassThrough();
  const beat = setInterval(() => heart.write('\n'), heartbeatMs);
  const how = offered?.from === null ? 'pack' : 'objects';
  const args = [ostree, String(port), commit, whole ? 'whole' : 'lacks', verify ? 'verify' : 'trust', how];
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
